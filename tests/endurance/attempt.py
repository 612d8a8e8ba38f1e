"""One reader and some files, in a process of its own, since only there can be seen what memory they take.

``python -m tests.endurance.attempt READER FILE ...`` prints a JSON object for each file: ``line``, of the refusal (null
where the file was accepted), ``seconds`` of the processor's time, and by how many ``bytes`` the process grew.
"""

import json
import sys
import time
from pathlib import Path

from tests.endurance.fuzz import peak_memory
from tests.endurance.readers import READERS, Reader


def attempt(reader: Reader, path: Path) -> dict[str, object]:
    """Let ``reader`` read a file."""
    memory, start, line = peak_memory(), time.process_time(), None
    try:
        reader.read(path)
    except reader.errors as fault:
        line = str(fault)
    return {"line": line, "seconds": time.process_time() - start, "bytes": peak_memory() - memory}


if __name__ == "__main__":
    chosen = next(each for each in READERS if each.name == sys.argv[1])
    valid = Path(sys.argv[2]).with_name(f"valid{chosen.suffix}")
    valid.write_bytes(chosen.seeds()[0])
    chosen.read(valid)  # what is loaded at first is not counted
    for name in sys.argv[2:]:
        print(json.dumps(attempt(chosen, Path(name))), flush=True)
