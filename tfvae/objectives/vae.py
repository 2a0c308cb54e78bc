"""The terms of the objectives: one equation a function, one value per example, in nats; no state, no reduction.

A function over a whole batch takes the rows of all replicas (`replicas.gather`).
"""

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

    The discriminator's estimate, in FactorVAE's loss. `analysis.total_correlation` computes TC from all encodings of
    the data; the metric "total_correlation" is that of a Gaussian fitted to the means.

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


def covariance(codes: tf.Tensor) -> tf.Tensor:
    """E[z z^T] - E[z] E[z]^T over the rows of a whole batch (Kumar et al., 2018, Section 3).

    Args:
        codes: float tensor [B, D].

    Returns:
        float tensor [D, D].
    """
    centred = codes - tf.reduce_mean(codes, axis=0)
    return tf.matmul(centred, centred, transpose_a=True) / tf.cast(tf.shape(codes)[0], codes.dtype)


def distance_from_identity(covariance: tf.Tensor, off_diagonal: float, diagonal: float) -> tf.Tensor:
    """lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2 (Kumar et al., 2018, eq. 6 and 7).

    Args:
        covariance: float tensor [D, D].
        off_diagonal: lambda_od.
        diagonal: lambda_d.

    Returns:
        float tensor [], 0 for the identity.
    """
    variances = tf.linalg.diag_part(covariance)
    off = tf.linalg.set_diag(covariance, tf.zeros_like(variances))
    return off_diagonal * tf.reduce_sum(off**2) + diagonal * tf.reduce_sum((variances - 1.0) ** 2)


def capacity_penalty(kl: tf.Tensor, capacity: tf.Tensor) -> tf.Tensor:
    """|E KL(q(z | x) || p(z)) - C|, the mean over a whole batch (Burgess et al., 2018, eq. 8).

    Args:
        kl: float tensor [B], nats.
        capacity: float tensor [], C, nats.

    Returns:
        float tensor [], nats.
    """
    return tf.abs(tf.reduce_mean(kl) - capacity)


def pairwise_log_density(z: tf.Tensor, mean: tf.Tensor, log_variance: tf.Tensor) -> tf.Tensor:
    """log q(z_ij | x_k), of each code under the posterior of each image, one latent at a time.

    Args:
        z: float tensor [b, D], codes.
        mean: float tensor [B, D], of the posteriors.
        log_variance: float tensor [B, D].

    Returns:
        float tensor [b, B, D], nats.
    """
    squares = (z[:, tf.newaxis] - mean) ** 2 * tf.exp(-log_variance)
    return -0.5 * (math.log(2 * math.pi) + log_variance + squares)


def weighted_log_weights(batch: tf.Tensor, dataset: float) -> tf.Tensor:
    """-log(N B), minibatch-weighted sampling: q(z) ~ 1/(N B) sum_k q(z | x_k) (Chen et al., 2018, eq. S3).

    It underestimates q(z): only one image in N is the one that z was drawn from, in the batch one in B.

    Args:
        batch: int tensor [], B.
        dataset: N, the images that q(z) is the mean over; with N = 1, q(z) is that of the batch.

    Returns:
        float tensor [B, B]: for each code, the log weights of all images of the batch.
    """
    return tf.fill([batch, batch], -tf.math.log(dataset * tf.cast(batch, tf.float32)))


def stratified_log_weights(batch: tf.Tensor, dataset: float) -> tf.Tensor:
    """The log weights of minibatch-stratified sampling, whose estimate of q(z) has no bias (Chen et al., 2018, C.2).

    With M = B - 1: 1/N for the image that the code is from, (N - M)/(N M) for one other, and 1/M for the rest. The
    weights of a code sum to 1, and over all batches each of the N images has 1/N on average.

    The authors' code (github.com/rtqichen/beta-tcvae) and its many copies differ: they set 1/N in the first column, in
    place of the diagonal. So every code but the first weighs its own image, where q(z | x) is largest, by about 1/M
    instead of 1/N, and q(z) is overestimated.

    Args:
        batch: int tensor [], B.
        dataset: N, at least B.

    Returns:
        float tensor [B, B]: for each code, the log weights of all images of the batch.
    """
    own = tf.eye(batch)
    # The row after it, and the first after the last.
    other = tf.roll(own, 1, axis=1) * (1.0 - own)
    others = tf.maximum(tf.cast(batch, tf.float32) - 1.0, 1.0)
    weights = own / dataset + other * (dataset - others) / (dataset * others) + (1.0 - own - other) / others
    return tf.math.log(weights)


def aggregate_log_densities(log_density: tf.Tensor, log_weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """log q(z) and log qbar(z) = sum_j log q(z_j), with q(z) ~ sum_k w_k q(z | x_k).

    Their difference, averaged over codes, is an estimate of the total correlation (Kim & Mnih, 2018, Appendix D; Chen
    et al., 2018, eq. 2).

    Args:
        log_density: float tensor [b, B, D], `pairwise_log_density`.
        log_weights: float tensor [b, B].

    Returns:
        Two float tensors [b], nats.
    """
    joint = tf.reduce_logsumexp(log_weights + tf.reduce_sum(log_density, axis=2), axis=1)
    marginals = tf.reduce_logsumexp(log_weights[:, :, tf.newaxis] + log_density, axis=1)
    return joint, tf.reduce_sum(marginals, axis=1)


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
