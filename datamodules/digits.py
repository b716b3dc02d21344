"""scikit-learn's bundled handwritten digits: 1,797 real images that need no download."""

import torch

from litmus.core.keyed_random import permutation
from litmus.datamodules.loading.registry import ImageArrays, register

TEST_IMAGES = 360


@register("digits")
def digits(root: str) -> ImageArrays:
    """1,797 handwritten digits, 1×8×8, 10 classes; bundled with scikit-learn, no download.

    The set of Alpaydin & Kaynak (UCI, 1998) has no test split in this form: a fifth is set aside by a fixed key, the
    same for every split seed.
    """
    # Imported here because scikit-learn takes a second, which other datasets need not pay.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # The pixels count the set bits of 4×4 blocks: 0 to 16.
    images = torch.from_numpy(bunch.images).mul(255 / 16).round().to(torch.uint8)[:, None]
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    order = permutation(len(images), 0, "digits", "test")
    test, train = order[:TEST_IMAGES].sort().values, order[TEST_IMAGES:].sort().values
    return ImageArrays(images[train], labels[train], images[test], labels[test], tuple("0123456789"))
