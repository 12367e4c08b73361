"""The rival of `npm run bench -- train`: the same network and the same step in PyTorch, padded as usual.

Reads one JSON object (the case) and then, for every further line, trains that many steps and prints their milliseconds.
"""
import json
import math
import sys
import time

import torch
import torch.nn.functional as F

case = json.loads(sys.stdin.readline())
V, D, HEADS, LAYERS = case["items"], case["dim"], case["heads"], case["layers"]
B, L, P, LOSS = case["batch"], case["length"], case["dropout"], case["loss"]
torch.set_num_threads(case["threads"])
torch.manual_seed(0)


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.items = nn.Embedding(V, D)
        nn.init.normal_(self.items.weight, 0, 0.02)
        self.positions = nn.Parameter(torch.randn(L, D) * 0.02)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm1": nn.LayerNorm(D),
                    "norm2": nn.LayerNorm(D),
                    "qkv": nn.Linear(D, 3 * D),
                    "out": nn.Linear(D, D),
                    "up": nn.Linear(D, D),
                    "down": nn.Linear(D, D),
                }
            )
            for _ in range(LAYERS)
        )
        self.norm = nn.LayerNorm(D)
        self.register_buffer("mask", torch.triu(torch.full((L, L), -1e9), 1))

    def forward(self, ids):
        drop = (lambda x: F.dropout(x, P)) if P else (lambda x: x)
        n = ids.shape[0]
        x = drop(self.items(ids) * math.sqrt(D) + self.positions)
        for block in self.blocks:
            q, k, v = block["qkv"](block["norm1"](x)).view(n, L, 3, HEADS, D // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
            weights = drop(torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(D // HEADS) + self.mask, -1))
            x = x + drop(block["out"]((weights @ v).transpose(1, 2).reshape(n, L, D)))
            x = x + drop(block["down"](drop(F.relu(block["up"](block["norm2"](x))))))
        return self.norm(x)


model = Encoder()
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
ids, targets, negatives = (torch.randint(0, V, (B, L)) for _ in range(3))
lengths = torch.tensor(case["lengths"])
real = torch.arange(L)[None] < lengths[:, None]
padded = not bool(real.all())


def step():
    optimizer.zero_grad(set_to_none=True)
    x = model(ids)
    if LOSS == "bce":
        positive = (x * model.items(targets)).sum(-1)
        negative = (x * model.items(negatives)).sum(-1)
        terms = F.softplus(-positive) + F.softplus(negative)
        loss = (terms * real).sum() / real.sum() if padded else terms.mean()
    else:
        states, wanted = (x[real], targets[real]) if padded else (x.view(-1, D), targets.view(-1))
        loss = F.cross_entropy(states @ model.items.weight.t(), wanted)
    loss.backward()
    optimizer.step()
    return loss.item()


def reference_blas():
    """Whether Debian's alternatives have left PyTorch with the reference BLAS, which is ten times slower."""
    try:
        with open("/proc/self/maps") as maps:
            return any("/blas/libblas.so" in line for line in maps)
    except FileNotFoundError:
        return False


step()
about = {"version": torch.__version__, "threads": torch.get_num_threads(), "referenceBlas": reference_blas()}
print(json.dumps(about), flush=True)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    print(json.dumps(times), flush=True)
