"""Forms are made from the description of an operation, and from nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from fake_operations import Detail, bright_places, count_pixels, everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from nanoscape._napari.fields import make_field
from nanoscape._napari.form import OperationForm
from nanoscape._napari.state import ViewerState
from nanoscape.errors import WrongInput
from nanoscape.operation import OperationSpec, spec_of
from nanoscape.workflow.registry import operation_names, resolve

SPEC = spec_of(everything)


@pytest.fixture
def form(qtbot: QtBot, state: ViewerState) -> OperationForm:
    made = OperationForm(SPEC, state)
    qtbot.addWidget(made)
    return made


def defaults(spec: OperationSpec) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in spec.parameters}


def test_an_untouched_form_gives_the_defaults(form: OperationForm) -> None:
    assert form.values() == defaults(SPEC)


def test_values_come_back_as_they_were_entered(form: OperationForm) -> None:
    values = {
        "flag": False,
        "count": 7,
        "length": 0.034567,
        "share": 0.35,
        "word": "capillary",
        "choice": "dark",
        "span": (0.25, 1234.5),
        "spacing": 1 / 3,
        "detail": Detail(rounds=5, weight=2.5),
    }
    form.set_values(values)
    entered = form.values()
    assert entered.pop("spacing") == pytest.approx(1 / 3, rel=1e-11)
    values.pop("spacing")
    assert entered == values


def test_values_may_come_from_a_record(form: OperationForm) -> None:
    form.set_values({"span": [1, 2], "detail": {"rounds": 4, "weight": None}})
    assert form.values()["span"] == (1.0, 2.0)
    assert form.values()["detail"] == Detail(rounds=4)


def test_none_is_auto_and_stays_none(form: OperationForm) -> None:
    field = form.fields["spacing"]
    assert field.auto.isChecked()
    assert field.inner.isHidden()
    field.auto.setChecked(False)
    assert not field.inner.isHidden()
    assert form.values()["spacing"] >= 0.1
    form.set_values({"spacing": None})
    assert form.values()["spacing"] is None


@pytest.mark.parametrize(
    "wrong", [{"count": 10}, {"choice": "grey"}, {"span": [1]}, {"nothing": 1}]
)
def test_a_value_that_is_not_allowed_is_refused(
    form: OperationForm, wrong: dict[str, Any]
) -> None:
    with pytest.raises(WrongInput):
        form.set_values(wrong)
    assert form.values() == defaults(SPEC)


def test_every_change_is_told(qtbot: QtBot, form: OperationForm) -> None:
    for name, value in (("flag", False), ("count", 4), ("word", "x"), ("span", (1, 2))):
        with qtbot.waitSignal(form.changed, timeout=1000):
            form.set_values({name: value})


def test_units_ranges_and_help_are_shown(form: OperationForm) -> None:
    field = form.fields["length"]
    assert field.widget.native.text() == "12.5 µm"
    assert "A larger value removes more." in field.toolTip()
    assert "At least 0.001 µm" in field.toolTip()
    assert form.fields["count"].widget.max == 9


def test_advanced_parameters_wait_under_more(form: OperationForm, qtbot: QtBot) -> None:
    form.show()
    assert form.fields["length"].isVisible()
    assert not form.fields["spacing"].isVisible()
    assert form.more is not None
    form.more.click()
    assert form.fields["spacing"].isVisible()
    assert form.fields["detail"].isVisible()


def test_everything_is_reached_by_keyboard_and_has_a_name(form: OperationForm) -> None:
    form.show()
    for field in form.fields.values():
        assert field.accessibleName()
        target = field
        while target.focusProxy() is not None:
            target = target.focusProxy()
        assert target.focusPolicy() & Qt.FocusPolicy.TabFocus, field.parameter.name


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(value=st.floats(0.001, 1e6, allow_nan=False))
def test_lengths_keep_their_digits(qapp: Any, value: float) -> None:
    (length,) = [p for p in SPEC.parameters if p.name == "length"]
    field = make_field(length)
    field.set_value(value)
    assert field.value() == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize("name", operation_names())
def test_every_operation_has_a_form(
    qtbot: QtBot, state: ViewerState, name: str
) -> None:
    spec = resolve(name)
    made = OperationForm(spec, state)
    qtbot.addWidget(made)
    assert made.values() == defaults(spec)
    assert made.minimumSizeHint().width() <= 350


def test_inputs_follow_the_chips(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    form = OperationForm(SPEC, state)
    qtbot.addWidget(form)
    assert form.inputs() == {
        "image": "CD31",
        "others": slide,
        "outlines": None,
        "exclude": None,
    }
    state.set_role("Liposome", "Vessels")
    assert form.inputs()["image"] == "Liposome"
    state.set_role("CD31", "Exclude")
    assert form.inputs()["exclude"] == ["CD31"]
    state.set_role("Liposome", "Hypoxia")
    assert form.inputs()["exclude"] == slide


def test_what_the_user_chose_stays(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    form = OperationForm(spec_of(bright_places), state)
    qtbot.addWidget(form)
    form.set_inputs({"image": ("Liposome",)})
    state.roles_changed.emit()
    assert form.inputs() == {"image": "Liposome"}
    state.session.remove("Liposome")
    state.objects_changed.emit()
    assert form.inputs() == {"image": "CD31"}


def test_any_number_of_images_can_be_ticked(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    form = OperationForm(SPEC, state)
    qtbot.addWidget(form)
    form.set_inputs({"others": ["Liposome"]})
    assert form.inputs()["others"] == ["Liposome"]
    form.set_inputs({"others": []})
    assert form.problem() is not None


def test_a_missing_input_says_what_to_do(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    form = OperationForm(spec_of(count_pixels), state)
    qtbot.addWidget(form)
    assert form.problem() == (
        "No outlined objects for Vessels yet: run Segment › Vessels, or click the chip "
        "Vessels and choose one"
    )


def test_an_empty_study_says_what_to_do(qtbot: QtBot, state: ViewerState) -> None:
    form = OperationForm(spec_of(count_pixels), state)
    qtbot.addWidget(form)
    assert form.problem() == (
        "Nothing is open yet: open files or the sample study in the tab Open"
    )


def test_a_form_that_is_gone_follows_no_more(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    before = len(state.objects_changed)
    form = OperationForm(SPEC, state)
    assert len(state.objects_changed) == before + 1
    with qtbot.waitSignal(form.destroyed, timeout=1000):
        form.deleteLater()
    state.objects_changed.emit()
    assert len(state.objects_changed) == before
