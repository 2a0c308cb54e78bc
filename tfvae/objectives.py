"""The terms of the objectives: one equation a function, one value per example, in nats; no state, no reduction."""

import math

import tensorflow as tf


def permute_dims(z: tf.Tensor, seed: tf.Tensor, block: int = 1) -> tf.Tensor:
    """Draws from the product of the marginals of z (Kim & Mnih, 2018, Algorithm 1).

    Each column is permuted over the batch, independently of the others: marginals are kept, dependence is lost.

    Args:
        z: float tensor [B, D].
        seed: int tensor [2].
        block: how many columns at the end are one variable, such as a one-hot category, and move together.

    Returns:
        float tensor [B, D].
    """
    size, columns = tf.unstack(tf.shape(z))
    keys = tf.random.stateless_uniform([size, columns - block + 1], seed)
    # A sort, not tf.random.shuffle: XLA cannot compile a shuffle.
    order = tf.argsort(keys, axis=0)
    order = tf.concat([order[:, :-1], tf.repeat(order[:, -1:], block, axis=1)], axis=1)
    return tf.transpose(tf.gather(tf.transpose(z), tf.transpose(order), batch_dims=1))


def total_correlation(logits: tf.Tensor) -> tf.Tensor:
    """log D(z) - log(1 - D(z)), whose mean over q(z) estimates TC(z) (Kim & Mnih, 2018, eq. 3).

    Args:
        logits: float tensor [B, 2], the discriminator's output on z: "from q(z)", "from the product of its marginals".

    Returns:
        float tensor [B], nats.
    """
    # D = softmax(logits)[0], so that log D - log(1 - D) = l0 - l1.
    return logits[:, 0] - logits[:, 1]


def prior_divergence(logits: tf.Tensor) -> tf.Tensor:
    """log D(z) - log(1 - D(z)), whose mean over q(z) estimates KL(q(z) || p(z)) (Kim & Mnih, 2018, Appendix F).

    Args:
        logits: float tensor [B, 2], the discriminator's output on z: "from q(z)", "from the prior".

    Returns:
        float tensor [B], nats.
    """
    return logits[:, 0] - logits[:, 1]


def discriminator_loss(logits: tf.Tensor, logits_permuted: tf.Tensor) -> tf.Tensor:
    """-1/2 [log D(z) + log(1 - D(z'))], the discriminator's cross-entropy (Kim & Mnih, 2018, Algorithm 2).

    Args:
        logits: float tensor [B, 2], the output on z.
        logits_permuted: float tensor [B, 2], the output on permuted z'.

    Returns:
        float tensor [B], nats; log 2 for a discriminator that cannot tell.
    """
    # -log D = softplus(l1 - l0) and -log(1 - D) = softplus(l0 - l1).
    real, permuted = total_correlation(logits), total_correlation(logits_permuted)
    return 0.5 * (tf.nn.softplus(-real) + tf.nn.softplus(permuted))


def discriminator_accuracy(logits: tf.Tensor, logits_permuted: tf.Tensor) -> tf.Tensor:
    """The share of its two decisions that the discriminator gets right (Kim & Mnih, 2018, Figure 37).

    Args:
        logits: float tensor [B, 2], the output on z.
        logits_permuted: float tensor [B, 2], the output on permuted z'.

    Returns:
        float tensor [B]: 0, 1/2 or 1.
    """
    real, permuted = total_correlation(logits), total_correlation(logits_permuted)
    return 0.5 * (tf.cast(real > 0, tf.float32) + tf.cast(permuted < 0, tf.float32))


def jensen_shannon(logits: tf.Tensor, logits_permuted: tf.Tensor) -> tf.Tensor:
    """log 2 + 1/2 [log D(u) + log(1 - D(u'))], whose mean estimates JS(q(u) || prod_j q(u_j)) (Brakel & Bengio, 2017).

    It is the divergence for the best discriminator, and a lower bound for others (Goodfellow et al., 2014, Theorem 1).

    Args:
        logits: float tensor [B, 2], the discriminator's output on u: "from q(u)", "from the product of its marginals".
        logits_permuted: float tensor [B, 2], the output on permuted u'.

    Returns:
        float tensor [B], nats, at most log 2.
    """
    return math.log(2.0) - discriminator_loss(logits, logits_permuted)


def standardise(z: tf.Tensor, epsilon: float = 1e-3) -> tf.Tensor:
    """(z - E[z]) / sqrt(Var[z] + epsilon), a dimension at a time: mean 0 and variance 1 over the batch.

    Args:
        z: float tensor [B, D].
        epsilon: keeps a dimension that does not vary at 0. The default is that of Brakel & Bengio (2017) in their code.

    Returns:
        float tensor [B, D].
    """
    mean, variance = tf.nn.moments(z, axes=0)
    return (z - mean) / tf.sqrt(variance + epsilon)


def categorical_kl(logits: tf.Tensor) -> tf.Tensor:
    """log C + sum_c p_c log p_c, the KL of a categorical distribution to the uniform one (Dupont, 2018, Section 3.2).

    Args:
        logits: float tensor [B, C], with p = softmax(logits).

    Returns:
        float tensor [B], nats, from 0 for uniform p to log C for one certain category.
    """
    log_p = tf.nn.log_softmax(logits)
    return math.log(logits.shape[-1]) + tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)


def relaxed_category(logits: tf.Tensor, uniform: tf.Tensor, temperature: float) -> tf.Tensor:
    """softmax((logits - log(-log U)) / temperature), a Concrete variable (Maddison et al., 2017, eq. 10).

    Its largest entry is a sample of the category; it becomes one-hot as the temperature falls to 0.

    Args:
        logits: float tensor [B, C].
        uniform: float tensor [B, C], draws of U(0, 1).
        temperature: float, above 0.

    Returns:
        float tensor [B, C], rows that add up to 1.
    """
    # Drawn from [0, 1): the smallest normal number in the place of 0 keeps both logarithms finite.
    gumbel = -tf.math.log(-tf.math.log(tf.maximum(uniform, uniform.dtype.as_numpy_dtype(1.2e-38))))
    return tf.nn.softmax((logits + gumbel) / temperature)
