"""Lab 04, adapter_output: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab04.common import alphas, sizes, tensor
from adaptlab.grading.probes import lab04 as probes


def beside(x, weight, a, b, scale):
    """The output without the matrix B A."""
    return x @ weight.T + scale * (x @ a.T) @ b.T


class adapter_output(Exercise):
    """x Wᵀ + alpha / r · x Aᵀ Bᵀ, (n, d_out), and x as it was."""

    probe = probes.output_beside

    @staticmethod
    def draw(rng):
        r, d_in, d_out = sizes(rng)
        return (
            tensor(rng, 13, d_in),
            tensor(rng, d_out, d_in),
            tensor(rng, r, d_in),
            tensor(rng, d_out, r),
            alphas(rng, r),
        )

    @staticmethod
    def right(x, weight, a, b, alpha):
        return beside(x, weight, a, b, alpha / len(a))

    @staticmethod
    @wrong("Your function changes x, which the caller goes on using. Compute a new tensor.")
    def changes_x(x, weight, a, b, alpha):
        y = adapter_output.right(x, weight, a, b, alpha)
        x.zero_()
        return y

    @staticmethod
    @wrong("The adapter is there, but without a scale: what B A adds is multiplied by alpha / r.")
    def unscaled(x, weight, a, b, alpha):
        return beside(x, weight, a, b, 1)

    @staticmethod
    @wrong(
        "You scale by alpha alone. It is divided by the rank, so that a greater rank does not mean"
        " a greater change."
    )
    def alpha_alone(x, weight, a, b, alpha):
        return beside(x, weight, a, b, alpha)

    @staticmethod
    @wrong("The scale is upside down: it is alpha / r, not r / alpha.")
    def upside_down(x, weight, a, b, alpha):
        return beside(x, weight, a, b, len(a) / alpha)

    @staticmethod
    @wrong("The scale is that of rsLoRA, alpha / √r. Here it is alpha / r.")
    def stabilized(x, weight, a, b, alpha):
        return beside(x, weight, a, b, alpha / len(a) ** 0.5)

    @staticmethod
    @wrong("That is the adapter alone. It stands beside the frozen weight: both results are added.")
    def adapter_alone(x, weight, a, b, alpha):
        return alpha / len(a) * (x @ a.T) @ b.T

    @staticmethod
    @wrong("You scale the frozen weight, too. The scale belongs to B A alone.")
    def scaled_weight(x, weight, a, b, alpha):
        return alpha / len(a) * beside(x, weight, a, b, 1)

    @staticmethod
    @wrong("You divide by d_in. The scale is alpha / r, and r is the number of rows of A.")
    def divided_by_width(x, weight, a, b, alpha):
        return beside(x, weight, a, b, alpha / a.shape[1])
