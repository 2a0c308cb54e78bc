"""InfoE: how much of the information about the factors linear models can use."""

import warnings
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from tfvae.codes.codes import Codes
from tfvae.metrics.limits import check_cost
from tfvae.metrics.normalised_information import discrete_latents
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import binned, over_draws, scored_columns, standardised


def infoe_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    latents: str = "auto",
    iterations: int = 100,
    bins: int = 20,
    repeats: int = 3,
) -> dict[str, Any]:
    """Explicitness of InfoMEC: the information about a factor that a linear classifier can use; higher is better.

        InfoE = (1/K) sum_k (H(v_k | {}) - H(v_k | mu)) / H(v_k | {})

    where H(v | mu) is the cross entropy of the logistic regression of v on all active latents, and H(v | {}) that of
    the regression on nothing (Hsu et al., 2023, Section 4; predictive V-information, Xu et al., 2020). As published,
    the regression weights the V values of a factor equally, so that H(v | {}) = log V; it has no penalty, takes at most
    100 steps of L-BFGS, and is evaluated on the images that it was fitted to. Discrete latents are encoded one-hot. In
    [0, 1]; a factor of which the classifier knows less than nothing counts as 0. Invariant to the order, offset and
    scale of latents. It does not require one latent per factor. Noise scores about sum_k D (V_k - 1) / (2 N K log V_k),
    what D latents fit of N images. A continuous code of perfectly separable values scores what 100 steps reach, above
    0.9, not 1. Costs a classifier for each factor, 1.5 s for one of 40 values.

    The authors' `explicitness_regression` scores continuous factors by R^2; here they are cut into bins.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        latents: "auto", "continuous" or "discrete", see `infom_score`.
        iterations: int >= 1, the most steps of L-BFGS; published: 100.
        bins: int >= 2.
        repeats: int >= 2, the number of draws.

    Returns:
        "score"; "standard_error" (see `sampling.over_draws`); "per_factor", the explicitness of each scored factor;
        "discrete_latents" and "active_latents" as for `infom_score`. Without active latents the score is 0.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the classifiers would take too long
            or too much memory.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, missing = factors, factors[:, :2]
        >>> results = [score(codes, factors, metrics="infoe") for codes in (perfect, missing)]
        >>> [round(result["infoe"]["score"], 2) for result in results]
        [1.0, 0.67]
    """
    if iterations < 1:
        raise ValueError(f"Expected iterations >= 1. Received: iterations={iterations}")
    active, discrete = codes.active_latents(), discrete_latents(codes, latents)
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    rows = min(samples, len(codes.data))
    classes = [min(factors.sizes[column], rows) for column in columns]
    check_cost(
        f"infoe's classifiers for {sum(classes)} classes of {int(active.sum())} latents",
        "fewer samples or repeats, or declare factors of many values as continuous",
        seconds=(repeats + 1) * sum(_seconds(rows, int(active.sum()), each, iterations) for each in classes),
        # Logits, probabilities, gradients and their temporaries.
        memory=8 * 4 * rows * max(classes),
    )

    def measure(indices: np.ndarray) -> dict[str, Any]:
        x = _inputs(codes.means(indices)[:, active], discrete[active])
        y = factors.to_factors(indices)[:, columns]
        with warnings.catch_warnings():
            # The published number of steps ends before convergence where the values can be separated.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="The number of unique classes")
            each = side_by_side(lambda k: _explicitness(x, y[:, k], iterations), range(len(columns)))
        return {"score": np.mean(each), "per_factor": each}

    result = over_draws(measure, len(codes.data), samples, repeats, rng)
    return {
        **result,
        "discrete_latents": int(np.sum(active & discrete)),
        "active_latents": int(active.sum()),
    }


def _inputs(means: np.ndarray, discrete: np.ndarray) -> Any:
    """Continuous latents standardised, discrete ones one-hot: float64 [N, ...], sparse if any is discrete."""
    x, _ = standardised(means[:, ~discrete], means[:0, ~discrete])
    if not discrete.any():
        return x
    return sparse.hstack([x, OneHotEncoder().fit_transform(means[:, discrete])]).tocsr()


def _explicitness(x: Any, y: np.ndarray, iterations: int) -> float:
    """The share of a factor's information that the regression uses, at least 0: [N, D], int [N]."""
    values, labels = np.unique(y, return_inverse=True)
    if len(values) == 1 or not x.shape[1]:
        return 0.0
    # C = inf is no penalty. Everything else that the result depends on is set here.
    model = LogisticRegression(
        C=np.inf, class_weight="balanced", solver="lbfgs", fit_intercept=True, tol=1e-4, max_iter=iterations
    )
    p = model.fit(x, labels).predict_proba(x)[np.arange(len(labels)), labels]
    # As in the authors' log_loss: a mistake that is certain up to rounding costs 36 nats.
    entropy = -np.log(np.maximum(p, np.finfo(np.float64).eps)).mean()
    return float(max(0.0, 1 - entropy / np.log(len(values))))


def _seconds(rows: int, columns: int, classes: int, iterations: int) -> float:
    """The estimated time of one core for the regression of a factor."""
    return 1.5e-10 * iterations * rows * (columns + 220) * classes
