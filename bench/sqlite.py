"""The embedded store beside its own statements, sent by hand: files of 10^3 to 10^6 records, and many processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.beside import Figure, figures_beside, in_turn
from bench.place import ROOT
from bench.warm import measured
from bench.ways import CONTEXT, OURS, Subject, event, handled, twicesafe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.place import Bench
    from twicesafe.stores.memory import MemoryStore

RAW = "raw statements"
MEMORY = "in memory"
APART = "raw + 1.2 of in memory"
BOUND = "raw in between + 0.2 of in memory"
KNOWN = 10_000
PROCESSES = (1, 4, 16)
PATIENCE = 5.0  # seconds: how long the raw statements wait for the file, as the store does


class Statements(NamedTuple):
    """What the store sends for a first execution and for a replay, of one key."""

    key: str
    first: list[tuple[str, tuple[Any, ...]]]
    replay: list[tuple[str, tuple[Any, ...]]]

    def anew(self) -> Statements:
        """For a key that is new."""
        return self.of(self.key[:-32] + os.urandom(16).hex())

    def of(self, key: str) -> Statements:
        """For another key."""
        first, replay = (
            [(sql, tuple(key if one == self.key else one for one in arguments)) for sql, arguments in sent]
            for sent in (self.first, self.replay)
        )
        return Statements(key, first, replay)


def recorded(folder: str) -> Statements:
    """What the store sends."""
    from twicesafe.stores.sqlite import SqliteStore

    with closing(SqliteStore(f"{folder}/recorded.db")) as store:
        connection, sent = store._connection, []  # noqa: SLF001 - where its statements pass
        inner = connection._send  # noqa: SLF001

        def sending(request: Any, *rest: Any) -> Any:
            sent.append((request.sql, request.arguments))
            return inner(request, *rest)

        connection._send = sending  # type: ignore[method-assign]  # noqa: SLF001
        handler, one = twicesafe(store), event()
        handler(event(), CONTEXT)  # which sweeps
        sent.clear()
        handler(one, CONTEXT)
        first = sent.copy()
        sent.clear()
        handler(one, CONTEXT)
        return Statements(str(sent[0][1][0]), first, sent)


def connected(path: str) -> sqlite3.Connection:
    """A connection like the store's, but with SQLite's own way to wait."""
    opened = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    opened.execute("PRAGMA synchronous = normal")
    return opened


def raw(path: str, statements: Statements, old: Callable[[], Statements] | None = None) -> Subject:
    """The same statements, by themselves."""
    opened = connected(path)

    def send(sent: list[tuple[str, tuple[Any, ...]]]) -> None:
        for sql, arguments in sent:
            opened.execute(sql, arguments).fetchall()

    return Subject(statements.anew, lambda one: send(one.first), lambda one: send(one.replay), old)


def in_between(path: str, statements: Statements, records: Mapping[str, Any]) -> MemoryStore:
    """The store in memory, sending the same statements where ours does, and doing nothing else for them.

    What runs around a statement runs a quarter slower than without it, in caches that SQLite has filled; so does a
    statement amid all that. The two measured apart and added up are a bound that no store could keep.
    """
    from twicesafe.protocol.commands import Claim, Claimed
    from twicesafe.stores.memory import MemoryStore

    opened = connected(path)
    find, insert, update = (
        (sql, arguments[:place], arguments[place + 1 :])
        for sql, arguments in statements.first
        for place in (arguments.index(statements.key),)
    )

    def send(statement: tuple[str, tuple[Any, ...], tuple[Any, ...]], key: str) -> None:
        sql, before, after = statement
        opened.execute(sql, (*before, key, *after)).fetchall()

    class Sending(MemoryStore):
        def apply(self, command: Any, /) -> Any:
            reply = super().apply(command)
            if not isinstance(command, Claim):
                send(update, command.key)
                return reply
            send(find, command.key)
            if isinstance(reply, Claimed):
                send(insert, command.key)
            return reply

    store = Sending()
    store._records.update(records)  # noqa: SLF001
    return store


def known_records() -> dict[str, tuple[Any, Any]]:
    """Some events and their records, by key."""
    from twicesafe.stores.memory import MemoryStore

    store, events = MemoryStore(), [event() for _ in range(KNOWN)]
    handler = twicesafe(store)
    for one in events:
        handler(one, CONTEXT)
    return {key: (one, record) for one, (key, record) in zip(events, store._records.items(), strict=True)}  # noqa: SLF001


def fill(path: Path, size: int, known: Mapping[str, tuple[Any, Any]]) -> None:
    """A store of so many records, with the known ones strewn among others like them, whose keys come in any order."""
    from twicesafe.stores.sqlite import SqliteStore
    from twicesafe.stores.sqlite.dialect import INSERT, write

    SqliteStore(path).close()
    chance, rows = random.Random(size), [write(record) for _, record in known.values()][:size]
    every = size // len(rows)

    def all_rows() -> Iterator[tuple[Any, ...]]:
        for row in rows:
            yield row
            for _ in range(every - 1):
                yield (f"{row[0][:-64]}{chance.getrandbits(256):064x}", *row[1:])

    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA synchronous = off")
        opened.execute("PRAGMA cache_size = -1000000")  # KiB: the whole file
        opened.executemany(INSERT, all_rows())
        opened.commit()
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def figures(bench: Bench) -> Iterator[str | Figure]:
    with tempfile.TemporaryDirectory(prefix="twicesafe-bench-") as folder:
        yield "Replays are of any of the file's records."
        yield from _sizes(bench, folder)
        yield from _processes(bench, folder)


def _sizes(bench: Bench, folder: str) -> Iterator[Figure]:
    sizes = (10**3, 10**4) if bench.is_quick else (10**3, 10**4, 10**5, 10**6)
    statements, known, chance = recorded(folder), known_records(), random.Random(7)
    keys = list(known)
    subjects = {MEMORY: handled(twicesafe("memory://"))}
    for size in sizes:
        ours, theirs, bounds = (Path(folder, f"{way}-{size}.db") for way in ("ours", "raw", "bound"))
        fill(ours, size, known)
        shutil.copyfile(ours, theirs)
        shutil.copyfile(ours, bounds)
        there = keys[:size]
        sending = in_between(str(bounds), statements, {key: known[key][1] for key in there})
        for way, store in ((OURS, f"sqlite:///{ours}"), (BOUND, sending)):
            subjects[f"{way} {size}"] = handled(twicesafe(store), lambda there=there: known[chance.choice(there)][0])
        subjects[f"{RAW} {size}"] = raw(
            str(theirs), statements, lambda there=there: statements.of(chance.choice(there))
        )
    found = dict(zip(("first execution", "replay"), measured(subjects, bench.rounds(200, 20)), strict=True))
    for kind, spent in found.items():
        for size in sizes:
            mine, bare = spent[f"{OURS} {size}"], spent[f"{RAW} {size}"]
            bound = spent[f"{BOUND} {size}"] + 0.2 * spent[MEMORY]
            beside = {OURS: mine, RAW: bare, APART: bare + 1.2 * spent[MEMORY], BOUND: bound}
            yield from figures_beside(f"{size:,} records: {kind}, CPU", "µs", beside, {APART: 1.0, BOUND: 1.0})
    least, most = sizes[0], sizes[-1]
    for kind, at_most in (("first execution", 1.5), ("replay", 1.9)):
        for way in (OURS, RAW):
            few, many = (found[kind][f"{way} {size}"] for size in (least, most))
            target = at_most if way == OURS else None
            yield Figure(f"{most:,} records, {way}: {kind}, CPU", many, "µs", f"{least:,} records", few, target)


def _processes(bench: Bench, folder: str) -> Iterator[Figure]:
    """Which of many processes waits longest, and which is served least."""
    seconds, rounds = bench.rounds(3, 1), bench.rounds(3, 1)
    runs = {
        f"{way} {count}": partial(at_once, way, count, seconds, folder) for count in PROCESSES for way in (OURS, RAW)
    }
    found = in_turn(runs, rounds)
    for count in PROCESSES:
        is_most = count == max(PROCESSES)
        longest, evenness, rate = (
            {way: summed(one[place] for one in found[f"{way} {count}"]) for way in (OURS, RAW)}
            for place, summed in ((0, max), (1, min), (2, max))
        )
        what = f"processes: {count}"
        yield Figure(f"{what}, longest wait of all", longest[OURS], "s", at_most=0.6 if is_most else None)
        yield from figures_beside(f"{what}, longest wait of all", "s", longest)
        if count > 1:
            at_least = 0.2 if is_most else None
            yield Figure(f"{what}, least served by most", evenness[OURS], "", at_least=at_least)
            yield from figures_beside(f"{what}, least served by most", "", evenness)
        yield from figures_beside(f"{what}, first executions", "/s", rate)


def at_once(way: str, count: int, seconds: float, folder: str) -> tuple[float, float, float]:
    """The longest wait of any, the least served by the most served, and first executions a second."""
    from twicesafe.stores.sqlite import SqliteStore

    with tempfile.TemporaryDirectory(dir=folder) as own:
        SqliteStore(f"{own}/records.db").close()
        command = [sys.executable, "-m", "bench.sqlite", way, own, str(seconds)]
        workers = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(count)
        ]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()  # it is ready
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        found = [json.loads(worker.communicate()[0]) for worker in workers]
    served = [one["served"] for one in found]
    return max(one["longest"] for one in found), min(served) / max(served), sum(served) / seconds


def main(way: str, folder: str, seconds: str) -> None:
    """One of the processes: first executions, one after the other."""
    path = f"{folder}/records.db"
    if way == OURS:
        subject = handled(twicesafe(f"sqlite:///{path}"))
    else:
        with tempfile.TemporaryDirectory() as own:
            subject = raw(path, recorded(own))
    subject.first(subject.new())
    print("ready", flush=True)
    sys.stdin.readline()
    served, longest, end = 0, 0.0, time.perf_counter() + float(seconds)
    while (began := time.perf_counter()) < end:
        subject.first(subject.new())
        longest = max(longest, time.perf_counter() - began)
        served += 1
    print(json.dumps({"served": served, "longest": longest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
