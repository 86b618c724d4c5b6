"""Two CPU processes with the same global batch must agree with one."""

import os
import traceback

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ganbook import data, losses, models, snapshots, train

law = data.ring(4, std=0.2)
CASES = {
    "minimax": (losses.MINIMAX, None),
    "R1": (losses.NON_SATURATING, lambda D, real, fake: losses.r1(D, real, 0.5)),
    "relativistic, R2": (losses.RELATIVISTIC, lambda D, real, fake: losses.r2(D, fake, 0.5)),
    "BEGAN": (losses.began(0.6), None),
}


def fit(case, seeds, folder, callback=None):
    game, penalty = CASES[case]
    generator = models.generators(seeds or 1)
    generator = generator if seeds else generator[0]
    if game.balance:
        D = models.AutoEncoder((2, 6, 2), seeds=seeds, generator=generator).double()
        G = D.as_generator()
    else:
        make = lambda sizes: models.MLP(sizes, seeds=seeds, generator=generator).double()  # noqa: E731
        G, D = make((2, 6, 2)), make((2, 6, 1))
    return train.fit(
        *(G, D, law.sample, game),
        steps=12,
        generator=generator,
        batch_size=8,
        d_steps=2,
        penalty=penalty,
        penalty_every=3,
        ema=0.9,
        callback=callback or snapshots.Snapshots(folder, every=12),
        progress=False,
    )


def worker(rank, address, case, seeds, folder):
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    try:
        fit(case, seeds, folder)
    except Exception:
        traceback.print_exc()
        raise
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize("seeds", [None, 3], ids=["one seed", "three seeds"])
@pytest.mark.parametrize("case", CASES)
def test_two_processes_agree_with_one(tmp_path, case, seeds):
    together, alone = tmp_path / "together", tmp_path / "alone"
    address = f"file://{tmp_path}/meeting"
    mp.start_processes(worker, (address, case, seeds, together), nprocs=2, start_method="fork")
    fit(case, seeds, alone)
    assert snapshots.steps(together) == [0, 12]
    two, one = (snapshots.load(folder, 12) for folder in (together, alone))
    torch.testing.assert_close(two, one, atol=1e-10, rtol=0)


def test_a_batch_must_be_shared_evenly(monkeypatch):
    monkeypatch.setattr(train, "processes", lambda: (1, 3))
    torch.testing.assert_close(train.share(torch.arange(6)), torch.tensor([2, 3]))
    with pytest.raises(ValueError, match="a batch that 3 processes can share; got 8"):
        train.share(torch.arange(8))


def dying_worker(rank, address, folder):
    keeper = snapshots.Snapshots(folder, every=3)

    def callback(run):
        keeper(run)
        if rank == 1 and run.step == 7:
            os._exit(13)

    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    fit("R1", None, folder, callback)


def test_a_rank_that_dies_ends_the_run_and_leaves_the_snapshot_whole(tmp_path):
    address = f"file://{tmp_path}/meeting"
    with pytest.raises((mp.ProcessRaisedException, mp.ProcessExitedException)):
        mp.start_processes(dying_worker, (address, tmp_path / "run"), nprocs=2, start_method="fork")
    assert snapshots.steps(tmp_path / "run")[-1] == 6
    assert snapshots.load(tmp_path / "run", 6)["step"] == 6
