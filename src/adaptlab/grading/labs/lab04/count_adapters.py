"""Lab 04, count_adapters: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def shapes(config: dict, grouped: bool = True) -> dict[str, tuple[int, int]]:
    """(d_in, d_out) of a layer's matrices, in a model of Llama's kind."""
    width = config["hidden_size"]
    inner = config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"] if grouped else queries
    sizes = (
        (width, queries),
        (width, keys),
        (width, keys),
        (queries, width),
        (width, inner),
        (width, inner),
        (inner, width),
    )
    return dict(zip(LAYERS, sizes))


class count_adapters(Exercise):
    """r · (d_in + d_out) for each target of each layer."""

    @staticmethod
    def draw(rng):
        heads = int(rng.choice([4, 8, 16]))
        groups = int(rng.choice([2, 4]))
        dim = int(rng.choice([32, 64, 80]))
        config = {
            "hidden_size": int(rng.choice([320, 576, 896])),
            "intermediate_size": int(rng.choice([1536, 2432, 4864])),
            "head_dim": dim,
            "num_attention_heads": heads * 2,
            "num_key_value_heads": heads * 2 // groups,
            "num_hidden_layers": int(rng.integers(3, 40)),
        }
        targets = [name for name in LAYERS if name in ("q_proj", "v_proj") or rng.random() < 0.5]
        return config, int(rng.choice([2, 4, 8, 16, 64])), targets

    @staticmethod
    def edges():
        qwen = {
            "hidden_size": 1024,
            "intermediate_size": 3072,
            "head_dim": 128,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "num_hidden_layers": 28,
        }
        return [(qwen, 1, ["q_proj"]), (qwen, 16, list(LAYERS)), (qwen, 8, [])]

    @staticmethod
    def right(config, rank, targets):
        return config["num_hidden_layers"] * sum(
            rank * sum(shapes(config)[name]) for name in targets
        )

    @staticmethod
    @wrong(
        "Keys and values have fewer heads than queries (grouped-query attention): their d_out is"
        " num_key_value_heads · head_dim."
    )
    def ungrouped(config, rank, targets):
        return config["num_hidden_layers"] * sum(
            rank * sum(shapes(config, grouped=False)[name]) for name in targets
        )

    @staticmethod
    @wrong(
        "That is one layer's count. Every one of the num_hidden_layers layers has its own adapters."
    )
    def one_layer(config, rank, targets):
        return sum(rank * sum(shapes(config)[name]) for name in targets)

    @staticmethod
    @wrong(
        "You counted the full matrices, d_in · d_out. An adapter has r · d_in numbers in A and"
        " d_out · r in B."
    )
    def full_matrices(config, rank, targets):
        return config["num_hidden_layers"] * sum(
            shapes(config)[name][0] * shapes(config)[name][1] for name in targets
        )

    @staticmethod
    @wrong("You counted d_in · r · d_out. A and B are kept apart: r · (d_in + d_out) numbers.")
    def product(config, rank, targets):
        return config["num_hidden_layers"] * sum(
            rank * shapes(config)[name][0] * shapes(config)[name][1] for name in targets
        )

    @staticmethod
    @wrong("You counted A alone. B has d_out · r numbers more.")
    def a_alone(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * shapes(config)[name][0] for name in targets)

    @staticmethod
    @wrong(
        "You took d_out = d_in = hidden_size for every matrix. In this model num_attention_heads ·"
        " head_dim is another number, and so is intermediate_size."
    )
    def all_square(config, rank, targets):
        return config["num_hidden_layers"] * sum(rank * 2 * config["hidden_size"] for _ in targets)

    @staticmethod
    @wrong(
        "You took hidden_size for what the query heads give. It is num_attention_heads · head_dim,"
        " which some models make greater than hidden_size."
    )
    def square_queries(config, rank, targets):
        return count_adapters.right(
            {**config, "head_dim": config["hidden_size"] / config["num_attention_heads"]},
            rank,
            targets,
        )
