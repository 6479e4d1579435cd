"""Says the same to Carillon and to Centrifugo, and prints where they answer differently.

    compare.py CARILLON CENTRIFUGO [PART OF A NAME]

Differences that are meant are in meant.txt, each with its reason; 1 if there are others, or one of those is no more.
"""
import asyncio
import pathlib
import subprocess
import sys
import tempfile

from calls import CALLS
from conversations import COMMANDS, CONNECTING, PUBLISHING, STREAMS, SUBSCRIBING
from peers import HERE, Talk, carillon, centrifugo

ALL = CONNECTING | SUBSCRIBING | PUBLISHING | COMMANDS | STREAMS | CALLS


def meant():
    """Name of the conversation -> why."""
    lines = (HERE / "meant.txt").read_text().splitlines()
    return dict(line.split(" | ", 1) for line in lines if line and not line.startswith("#"))


async def answers(server, steps):
    async with server:
        return await Talk(server).run(steps)


async def main(gateway, peer, part=""):
    reasons, used, others, said = meant(), set(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        configuration = str(pathlib.Path(folder) / "imported.toml")
        subprocess.run([gateway, "import-centrifugo", str(HERE / "centrifugo.json"), "--output", configuration],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name, steps in ALL.items():
            if part not in name:
                continue
            said += 1
            ours, theirs = await asyncio.gather(
                answers(carillon(gateway, configuration), steps), answers(centrifugo(peer), steps))
            if ours == theirs:
                continue
            why = reasons.get(name)
            used.add(name)
            others += why is None
            print(f"{name}\n  {'meant: ' + why if why else 'NOT MEANT'}")
            for step, here, there in zip(steps, ours, theirs):
                if here != there:
                    print(f"  at {str(step)[:200]}")
                    for who, lines in (("carillon  ", here), ("centrifugo", there)):
                        for line in lines or ["nothing"]:
                            print(f"    {who} {line}")
    stale = [name for name in reasons if part in name and name not in used]
    for name in stale:
        print(f"{name}\n  is in meant.txt, and there is no difference")
    print(f"{said} conversations, {len(used)} with a difference, {others} of them not meant")
    return others > 0 or len(stale) > 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
