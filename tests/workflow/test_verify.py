from __future__ import annotations

import json

from nanoscape.workflow.verify import verify


def test_every_check_passes_and_can_be_written_down():
    checks = verify()
    assert len(checks) > 10
    assert [check["name"] for check in checks if not check["passed"]] == []
    keys = {"name", "value", "expected", "tolerance", "source", "passed"}
    assert all(set(check) == keys for check in checks)
    assert json.loads(json.dumps(checks)) == checks


def test_a_wrong_answer_is_noticed(monkeypatch):
    import nanoscape.statistics.unevenness.figures as room

    monkeypatch.setattr(room, "gini", lambda count, total: (0.5, ""))
    failed = [check["name"] for check in verify() if not check["passed"]]
    assert failed
    assert all("Gini" in name for name in failed)
