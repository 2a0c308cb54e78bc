"""What cards cite and say about data sets: each paper and each data set once."""

from dataclasses import dataclass

from tfvae.data.names import parse
from tfvae.files import markdown

# By the form in which docstrings cite them.
PAPERS = {
    "Achille & Soatto, 2018": (
        "Achille, A. and Soatto, S. (2018). Information Dropout: Learning Optimal Representations Through Noisy "
        "Computation. IEEE TPAMI 40(12). arXiv:1611.01353."
    ),
    "Brakel & Bengio, 2017": (
        "Brakel, P. and Bengio, Y. (2017). Learning Independent Features with Adversarial Nets for Non-linear ICA. "
        "arXiv:1710.05050."
    ),
    "Burgess & Kim, 2018": (
        "Burgess, C. and Kim, H. (2018). 3D Shapes Dataset. https://github.com/google-deepmind/3d-shapes."
    ),
    "Burgess et al., 2018": (
        "Burgess, C. P., Higgins, I., Pal, A., Matthey, L., Watters, N., Desjardins, G. and Lerchner, A. (2018). "
        "Understanding disentangling in beta-VAE. arXiv:1804.03599."
    ),
    "Chen et al., 2016": (
        "Chen, X., Duan, Y., Houthooft, R., Schulman, J., Sutskever, I. and Abbeel, P. (2016). InfoGAN: Interpretable "
        "Representation Learning by Information Maximizing Generative Adversarial Nets. NeurIPS. arXiv:1606.03657."
    ),
    "Chen et al., 2018": (
        "Chen, R. T. Q., Li, X., Grosse, R. and Duvenaud, D. (2018). Isolating Sources of Disentanglement in "
        "Variational Autoencoders. NeurIPS. arXiv:1802.04942."
    ),
    "Gulrajani et al., 2017": (
        "Gulrajani, I., Ahmed, F., Arjovsky, M., Dumoulin, V. and Courville, A. (2017). Improved Training of "
        "Wasserstein GANs. NeurIPS. arXiv:1704.00028."
    ),
    "Higgins et al., 2017": (
        "Higgins, I., Matthey, L., Pal, A., Burgess, C., Glorot, X., Botvinick, M., Mohamed, S. and Lerchner, A. "
        "(2017). beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework. ICLR."
    ),
    "Hsu et al., 2023": (
        "Hsu, K., Dorrell, W., Whittington, J. C. R., Wu, J. and Finn, C. (2023). Disentanglement via Latent "
        "Quantization. NeurIPS. arXiv:2305.18378."
    ),
    "Kim & Mnih, 2018": "Kim, H. and Mnih, A. (2018). Disentangling by Factorising. ICML. arXiv:1802.05983.",
    "Kingma & Welling, 2014": (
        "Kingma, D. P. and Welling, M. (2014). Auto-Encoding Variational Bayes. ICLR. arXiv:1312.6114."
    ),
    "Kumar et al., 2018": (
        "Kumar, A., Sattigeri, P. and Balakrishnan, A. (2018). Variational Inference of Disentangled Latent Concepts "
        "from Unlabeled Observations. ICLR. arXiv:1711.00848."
    ),
    "LeCun et al., 1998": (
        "LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-Based Learning Applied to Document "
        "Recognition. Proceedings of the IEEE 86(11)."
    ),
    "Locatello et al., 2020": (
        "Locatello, F., Poole, B., Rätsch, G., Schölkopf, B., Bachem, O. and Tschannen, M. (2020). Weakly-Supervised "
        "Disentanglement Without Compromises. ICML. arXiv:2002.02886."
    ),
    "Makhzani et al., 2015": (
        "Makhzani, A., Shlens, J., Jaitly, N., Goodfellow, I. and Frey, B. (2015). Adversarial Autoencoders. "
        "arXiv:1511.05644."
    ),
    "Matthey et al., 2017": (
        "Matthey, L., Higgins, I., Hassabis, D. and Lerchner, A. (2017). dSprites: Disentanglement testing Sprites "
        "dataset. https://github.com/google-deepmind/dsprites-dataset."
    ),
    "Roth et al., 2023": (
        "Roth, K., Ibrahim, M., Akata, Z., Vincent, P. and Bouchacourt, D. (2023). Disentanglement of Correlated "
        "Factors via Hausdorff Factorized Support. ICLR. arXiv:2210.07347."
    ),
}


@dataclass(frozen=True)
class DataSet:
    """What a card says about a data set.

    Args:
        title: its name, with the paper as in `PAPERS`.
        origin: where its images come from, and under which licence.
        paper_steps: how many steps Kim & Mnih (2018) train on it; None if they do not say.
    """

    title: str
    origin: str
    paper_steps: int | None = None


_DATA = {
    "dsprites": DataSet(
        "dSprites (Matthey et al., 2017)",
        "drawn by `tfvae.data.sets.dsprites`, equal to the authors' images, which have the zlib licence",
        300_000,
    ),
    "shapes3d": DataSet(
        "3D Shapes (Burgess & Kim, 2018)",
        "rendered by `tfvae.data.sets.shapes3d`: scores differ from those on the authors' images, which have the "
        "Apache-2.0 licence",
        500_000,
    ),
    "faces": DataSet(
        "faces", "drawn by `tfvae.data.sets.faces` from a face model that is not part of tfvae", 1_000_000
    ),
    "tfds:mnist": DataSet(
        "MNIST (LeCun et al., 1998)", "read by TensorFlow Datasets, with a black border up to 32 x 32"
    ),
}


def data_set(name: str) -> DataSet:
    """What is known about a data set, by the name that `tfvae.data.load` takes; for others, only the name."""
    base, options = parse(name)
    known = _DATA.get(base, DataSet(markdown.code(base), f"as `tfvae.data.load` reads {markdown.code(base)}"))
    if not options:
        return known
    # With options the images are not the paper's.
    return DataSet(f"{known.title}, as {markdown.code(name)}", known.origin)


def cited(*texts: str) -> list[str]:
    """The papers, in full, that the texts cite, in the order of `PAPERS`."""
    found = " ".join(" ".join(texts).split())
    return [full for short, full in PAPERS.items() if short in found]
