"""gloo's all-reduce over loopback, median ms: gloo_allreduce.py WORLD BYTES ROUNDS PORT"""
import os, sys, time
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

def run(rank, world, size, rounds):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[4])
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    x = torch.ones(size // 4)
    times = []
    for _ in range(rounds):
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(x.fill_(rank + 1))
        times.append((time.perf_counter() - start) * 1e3)
    if rank == 0:
        print(sorted(times)[rounds // 2], flush=True)
    dist.barrier()
    # Without it, threads that are still there end the process by SIGABRT now and then.
    dist.destroy_process_group()

if __name__ == "__main__":
    mp.spawn(run, args=(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), nprocs=int(sys.argv[1]))
