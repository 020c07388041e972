"""The drug-to-carrier ratio: by hand, by limits, and what is refused."""

from __future__ import annotations

import math

import dask.array as da
import numpy as np
import pandas as pd
import pytest

from nanoscape.compute import Threads, using
from nanoscape.errors import CannotCompute, WrongInput
from nanoscape.model import Image, Labels, Quantity, Tags
from nanoscape.statistics.agreement.carrier_ratio import CLASSES, carrier_ratio


def image(values, name, unit="µg/g", **tags):
    return Image.from_array(
        values,
        "yx",
        spacing=1.0,
        name=name,
        quantity=Quantity("amount", unit),
        tags=Tags.of("sheet", **tags),
    )


DRUG = np.array([[4.0, 2.0, 1.0], [0.5, np.nan, 8.0]])
CARRIER = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.05]])


def test_a_ratio_by_hand():
    found = carrier_ratio(
        image(DRUG, "drug"),
        image(CARRIER, "gold"),
        product=2.0,
        drug_limit=0.5,
        carrier_limit=0.1,
        drug_noise=0.2,
        carrier_noise=0.1,
    )
    ratio = found.ratio.data.compute()
    assert ratio[0].tolist() == [1.0, 0.0, -1.0]
    assert np.isnan(ratio[1]).all()
    expected = math.hypot(0.2 / 4, 0.1) / math.log(2)
    assert found.error.data.compute()[0, 0] == pytest.approx(expected, rel=1e-6)
    assert found.classes.data.compute().tolist() == [[1, 1, 1], [2, 0, 3]]
    assert found.classes.table.name.tolist() == list(CLASSES.values())
    row = found.summary.data.iloc[0]
    assert (row.n_pixels, row.n_without_ratio, row.median_log2) == (3, 3, 0.0)
    assert found.ratio.quantity.unit == "log2"


def test_without_a_product_the_mean_is_zero_and_units_do_not_matter():
    rng = np.random.default_rng(0)
    drug, carrier = (rng.gamma(5, 1, (30, 40)) for _ in range(2))
    found = carrier_ratio(image(drug, "drug", "a.u."), image(carrier, "dye", "a.u."))
    expected = np.log2(drug / carrier / (drug.sum() / carrier.sum()))
    assert found.ratio.data.compute() == pytest.approx(expected, abs=1e-6)
    again = carrier_ratio(
        image(drug * 7, "drug", "a.u."), image(carrier, "dye", "a.u.")
    )
    assert again.ratio.data.compute() == pytest.approx(expected, abs=1e-6)
    assert any("no unit" in note for note in found.summary.notes)
    assert "relative to its mean" in found.ratio.quantity.name


def test_the_error_is_that_of_noisy_images():
    rng = np.random.default_rng(0)
    drug = 10 + rng.normal(0, 0.5, (200, 200))
    carrier = 5 + rng.normal(0, 0.3, (200, 200))
    found = carrier_ratio(
        image(drug, "drug"),
        image(carrier, "gold"),
        product=2.0,
        drug_noise=0.5,
        carrier_noise=0.3,
    )
    spread = found.ratio.data.compute().std()
    assert np.median(found.error.data.compute()) == pytest.approx(spread, rel=0.02)


def test_regions_chunks_and_workers():
    rng = np.random.default_rng(0)
    drug, carrier = (rng.gamma(2, 1, (120, 90)) for _ in range(2))
    numbers = np.repeat([1, 2, 3], 30)[None].repeat(120, 0)
    drug[numbers == 3] = -1.0
    tables = []
    for chunk, workers in [(32, 1), (120, 2)]:
        with using(Threads(workers=workers, block_shape=(chunk, chunk))):
            lazy = [da.from_array(v, chunks=chunk) for v in (drug, carrier)]
            area = Labels.from_array(numbers, "yx", spacing=1.0)
            found = carrier_ratio(image(lazy[0], "drug"), image(lazy[1], "gold"), area)
            tables.append(found.summary.data)
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert tables[0].reason.tolist()[2] == "drug and carrier are not both above limits"
    assert math.isnan(tables[0].median_log2[2])


def test_what_is_refused():
    drug, carrier = image(DRUG, "drug"), image(CARRIER, "gold")
    with pytest.raises(WrongInput, match="both measured by Pt"):
        carrier_ratio(
            image(DRUG, "drug", analyte="Pt"), image(CARRIER, "film", analyte="Pt")
        )
    with pytest.raises(WrongInput, match="has no unit"):
        carrier_ratio(image(DRUG, "drug", "a.u."), carrier, product=1.0)
    with pytest.raises(CannotCompute, match="above their limits"):
        carrier_ratio(drug, carrier, drug_limit=100.0)
    with pytest.raises(CannotCompute, match="above their limits"):
        carrier_ratio(drug, carrier, drug_limit=100.0, product=1.0)
    with pytest.raises(CannotCompute, match="above their limits"):
        carrier_ratio(image(-DRUG, "drug"), carrier)
    with pytest.raises(WrongInput, match="in the space"):
        carrier_ratio(drug, carrier.replace(space="elsewhere"))
