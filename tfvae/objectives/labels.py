"""How far codes are from the factors of a few labelled images (Locatello et al., 2020, "... Using Few Labels").

Each loss takes the means of q(z | x), float [B, D], and labels in [0, 1], float [B, K] with K <= D: latent k is drawn
towards factor k, and the latents after the first K are free. All are means over the batch, where disentanglement_lib
sums over it: its weight is ours divided by the batch size (but for `covariance`, which is a mean there too).
"""

from collections.abc import Callable, Mapping

import tensorflow as tf


def cross_entropy(mean: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """sum_k -[y_k log s(m_k) + (1 - y_k) log(1 - s(m_k))] with the sigmoid s: float tensor [], in nats."""
    logits = mean[:, : labels.shape[1]]
    terms = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(tf.reduce_sum(terms, axis=1))


def squared_error(mean: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """sum_k (s(m_k) - y_k)^2 with the sigmoid s: float tensor []."""
    return tf.reduce_mean(tf.reduce_sum((tf.sigmoid(mean[:, : labels.shape[1]]) - labels) ** 2, axis=1))


def covariance(mean: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """sum over latents i and factors k != i of Cov(m_i, y_k)^2: float tensor []."""
    centred, labels = mean - tf.reduce_mean(mean, axis=0), labels - tf.reduce_mean(labels, axis=0)
    found = tf.matmul(centred, labels, transpose_a=True) / tf.cast(tf.shape(labels)[0], labels.dtype)
    return tf.reduce_sum(tf.linalg.set_diag(found, tf.zeros([min(found.shape)])) ** 2)


LABEL_LOSSES: Mapping[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "cross_entropy": cross_entropy,
    "squared_error": squared_error,
    "covariance": covariance,
}
