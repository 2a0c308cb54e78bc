"""How far the support of codes is from a product of the supports of their latents; no state."""

from itertools import combinations

import tensorflow as tf


def factorised_support_distance(codes: tf.Tensor) -> tf.Tensor:
    """The sum over pairs of latents of the Hausdorff distance to a factorised support (Roth et al., 2023, Section 3).

        sum_{i < j} max_{a, b} min_c [(z_ai - z_ci)^2 + (z_bj - z_cj)^2]

    For each combination of a value of latent i and a value of latent j in the batch, the nearest code of the batch
    counts, and of all combinations the one that is farthest from a code. It is 0 if all combinations occur.

    The sum is over all pairs; the authors' code draws 25 of them in each step. The gradient is that of the a, b and c
    which are found. The search takes 4 B^3 bytes, and time in proportion to B^3 D^2.

    Args:
        codes: float tensor [B, D].

    Returns:
        float tensor [], in squared units of the codes; 0 for D = 1.
    """
    latents = list(combinations(range(codes.shape[1]), 2))
    if not latents:
        return tf.zeros([])
    columns, size = tf.transpose(codes), tf.shape(codes)[0]
    i, j = (tf.gather(columns, each) for each in zip(*latents, strict=True))  # [pairs, B] each

    def farthest(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """The rows a and b of one pair of latents, int32 []: a B + b."""
        one, other = ((values[:, tf.newaxis] - values) ** 2 for values in pair)
        nearest = tf.reduce_min(one[:, tf.newaxis] + other, axis=2)
        return tf.argmax(tf.reshape(nearest, [-1]), output_type=tf.int32)

    place = tf.map_fn(farthest, (tf.stop_gradient(i), tf.stop_gradient(j)), fn_output_signature=tf.int32)
    ends = [tf.gather(i, place // size, batch_dims=1), tf.gather(j, place % size, batch_dims=1)]
    # The search for c is not in the loop: XLA would take half a minute to compile it there.
    apart = (ends[0][:, tf.newaxis] - i) ** 2 + (ends[1][:, tf.newaxis] - j) ** 2
    return tf.reduce_sum(tf.reduce_min(apart, axis=1))
