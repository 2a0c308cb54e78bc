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
    columns = tf.transpose(tf.stop_gradient(codes))

    def farthest(pair: tf.Tensor) -> tf.Tensor:
        """The rows a, b and c of one pair of latents, int32 [3]."""
        first, second = (tf.gather(columns, pair[place]) for place in (0, 1))
        apart = [(values[:, tf.newaxis] - values) ** 2 for values in (first, second)]
        nearest = tf.reduce_min(apart[0][:, tf.newaxis] + apart[1], axis=2)
        place = tf.argmax(tf.reshape(nearest, [-1]), output_type=tf.int32)
        a, b = place // tf.shape(first)[0], place % tf.shape(first)[0]
        return tf.stack([a, b, tf.argmin(apart[0][a] + apart[1][b], output_type=tf.int32)])

    i, j = (tf.constant(each, tf.int32) for each in zip(*latents, strict=True))
    a, b, c = tf.unstack(tf.map_fn(farthest, tf.stack([i, j], axis=1)), axis=1)

    def apart(latent: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        one, other = (tf.gather_nd(codes, tf.stack([each, latent], axis=1)) for each in (row, c))
        return (one - other) ** 2

    return tf.reduce_sum(apart(i, a) + apart(j, b))
