"""pytest plugin: `-p every_nth --every N` keeps each N-th test of every file.

A slow build of the extension (sanitizers, coverage counters) then still meets every test file and,
since parametrised tests are listed op by op, every op's neighbourhood.
"""


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="keep each N-th test of every file")


def pytest_collection_modifyitems(config, items):
    step = config.getoption("--every")
    seen, kept, dropped = {}, [], []
    for item in items:
        place = seen[item.path] = seen.get(item.path, -1) + 1
        (kept if place % step == 0 else dropped).append(item)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept
