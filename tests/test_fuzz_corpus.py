"""What fuzzing kept, run again: the readers raise nothing but their own errors."""

from __future__ import annotations

import pytest

from tests import fuzz_readers
from tests.fuzz_readers import CORPUS, FAILED, MOST_OCTETS, TARGETS, kept, main
from traces.capture import ip


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_of_a_target(target):
    every = kept(target)
    assert every, f"no file in {CORPUS / target}: python -m tests.fuzz_readers {target}"
    for path in every:
        try:
            TARGETS[target](path.read_bytes())
        except Exception as error:
            pytest.fail(f"{path.relative_to(CORPUS)}: {error!r}")


def test_the_corpus_is_small_and_each_file_is_of_a_target():
    assert sum(path.stat().st_size for target in TARGETS for path in kept(target)) < MOST_OCTETS
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)


def test_a_reader_that_breaks_is_noticed_and_its_input_kept(monkeypatch, tmp_path):
    def broken(data, at):
        raise IndexError("off by one")

    monkeypatch.setattr(ip, "datagram", broken)
    data = kept("layers")[-1].read_bytes()
    monkeypatch.setattr(fuzz_readers, "CORPUS", tmp_path)
    with pytest.raises(IndexError):
        fuzz_readers.saving("layers")(data)
    (failed,) = kept("layers")
    assert failed.name.startswith(FAILED) and failed.read_bytes() == data


def test_an_unknown_target_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "there is no such target" in capsys.readouterr().err
