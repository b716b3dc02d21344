"""Inference with batch norms folded into the layers before them against the network as it was trained: a ratio.

    python benchmarks/folded_inference.py

One CPU thread, or a GPU where there is one; both networks in turns on the same random images, the median of rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from litmus import lit_archs

NETWORKS = {"resnet20": 32, "resnet110": 32, "vgg16_cifar": 32, "resnet18": 224, "resnet50": 224}
"""Each with the side of its images."""
BATCHES = (1, 8)
ROUNDS = 9


def seconds(network: Callable[[Tensor], Tensor], images: Tensor) -> float:
    """Return how long one pass takes, when the device has finished it."""
    if images.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    network(images)
    if images.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Print, for each network and batch, both times and their ratio."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{device}; milliseconds of a batch, median of {ROUNDS}")
    print(f"{'network':14} {'batch':>5} {'folded':>12} {'as trained':>11} {'with folding':>13} {'ratio':>6}")
    for name, side in NETWORKS.items():
        norm = {} if name.startswith(("resnet", "densenet")) else {"norm": "batch"}
        network = lit_archs.build(name, **norm).eval().to(device)
        folding = lit_archs.fold_batch_norm(network, torch.zeros(1, 3, side, side, device=device))
        norms = f"{len(folding.folded)} of {len(folding.folded) + len(folding.left)}"
        for batch in BATCHES:
            images = torch.randn(batch, 3, side, side, device=device)
            times: dict[str, list[float]] = {"as trained": [], "folded": []}
            with torch.inference_mode():
                for round_ in range(ROUNDS + 2):
                    for key, each in (("as trained", network), ("folded", folding.network)):
                        taken = seconds(each, images)
                        if round_ >= 2:  # the first ones warm up
                            times[key].append(taken)
            before, after = (1000 * statistics.median(times[key]) for key in ("as trained", "folded"))
            print(f"{name:14} {batch:5} {norms:>12} {before:11.2f} {after:13.2f} {after / before:6.2f}", flush=True)


if __name__ == "__main__":
    main()
