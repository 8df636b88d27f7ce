"""Lab 04, adapter_output: what is right, and what wrong answers believe."""

from adaptlab.grading.exercise import Exercise, wrong
from adaptlab.grading.labs.lab04.common import alphas, sizes, tensor


class adapter_output(Exercise):
    """x Wᵀ + alpha / r · x Aᵀ Bᵀ, (n, d_out)."""

    def draw(rng):
        r, d_in, d_out = sizes(rng)
        return tensor(rng, 13, d_in), tensor(rng, d_out, d_in), tensor(rng, r, d_in), tensor(rng, d_out, r), alphas(rng, r)

    def right(x, weight, a, b, alpha):
        return x @ (weight + alpha / len(a) * b @ a).T

    @wrong("The adapter is there, but without a scale: what B A adds is multiplied by alpha / r.")
    def unscaled(x, weight, a, b, alpha):
        return x @ (weight + b @ a).T

    @wrong("You scale by alpha alone. It is divided by the rank, so that a greater rank does not mean a greater change.")
    def alpha_alone(x, weight, a, b, alpha):
        return x @ (weight + alpha * b @ a).T

    @wrong("The scale is upside down: it is alpha / r, not r / alpha.")
    def upside_down(x, weight, a, b, alpha):
        return x @ (weight + len(a) / alpha * b @ a).T

    @wrong("The scale is that of rsLoRA, alpha / √r. Here it is alpha / r.")
    def stabilized(x, weight, a, b, alpha):
        return x @ (weight + alpha / len(a) ** 0.5 * b @ a).T

    @wrong("That is the adapter alone. It stands beside the frozen weight: both results are added.")
    def adapter_alone(x, weight, a, b, alpha):
        return alpha / len(a) * x @ (b @ a).T

    @wrong("You scale the frozen weight, too. The scale belongs to B A alone.")
    def scaled_weight(x, weight, a, b, alpha):
        return alpha / len(a) * x @ (weight + b @ a).T

    @wrong("You divide by d_in. The scale is alpha / r, and r is the number of rows of A.")
    def divided_by_width(x, weight, a, b, alpha):
        return x @ (weight + alpha / a.shape[1] * b @ a).T
