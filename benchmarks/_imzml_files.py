"""Files of mass spectrometry imaging to measure on, made from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_UUID = bytes(range(16))
_HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<mzML xmlns="http://psi.hupo.org/ms/mzml" version="1.1">
 <fileDescription><fileContent>
  <cvParam cvRef="IMS" accession="IMS:1000080" \
name="universally unique identifier" value="{uuid}"/>
  <cvParam cvRef="IMS" accession="{kind}" name="storage" value=""/>
 </fileContent></fileDescription>
 <referenceableParamGroupList count="2">
  <referenceableParamGroup id="mzArray">
   <cvParam cvRef="MS" accession="MS:1000576" name="no compression" value=""/>
   <cvParam cvRef="MS" accession="MS:1000514" name="m/z array" value=""/>
   <cvParam cvRef="MS" accession="MS:1000523" name="64-bit float" value=""/>
  </referenceableParamGroup>
  <referenceableParamGroup id="intensityArray">
   <cvParam cvRef="MS" accession="MS:1000576" name="no compression" value=""/>
   <cvParam cvRef="MS" accession="MS:1000515" name="intensity array" value=""/>
   <cvParam cvRef="MS" accession="MS:1000521" name="32-bit float" value=""/>
  </referenceableParamGroup>
 </referenceableParamGroupList>
 <scanSettingsList count="1"><scanSettings id="s1">
  <cvParam cvRef="IMS" accession="IMS:1000042" name="max count of pixels x" \
value="{columns}"/>
  <cvParam cvRef="IMS" accession="IMS:1000043" name="max count of pixels y" \
value="{rows}"/>
  <cvParam cvRef="IMS" accession="IMS:1000046" name="pixel size x" value="20" \
unitCvRef="UO" unitAccession="UO:0000017" unitName="micrometer"/>
 </scanSettings></scanSettingsList>
 <instrumentConfigurationList count="1"><instrumentConfiguration id="i1"/>
 </instrumentConfigurationList>
 <run id="r"><spectrumList count="{count}">
"""
_ARRAY = """     <binaryDataArray encodedLength="0">
      <referenceableParamGroupRef ref="{ref}"/>
      <cvParam cvRef="IMS" accession="IMS:1000103" name="external array length" \
value="{length}"/>
      <cvParam cvRef="IMS" accession="IMS:1000102" name="external offset" \
value="{offset}"/>
      <cvParam cvRef="IMS" accession="IMS:1000104" name="external encoded length" \
value="{encoded}"/>
      <binary/>
     </binaryDataArray>
"""
_SPECTRUM = """   <spectrum id="spectrum={n}" defaultArrayLength="0" index="{n}">
    <cvParam cvRef="MS" accession="MS:1000579" name="MS1 spectrum" value=""/>
    <cvParam cvRef="MS" accession="MS:1000511" name="ms level" value="1"/>
    <cvParam cvRef="MS" accession="MS:1000285" name="total ion current" value="{tic}"/>
    <scanList count="1">
     <cvParam cvRef="MS" accession="MS:1000795" name="no combination" value=""/>
     <scan instrumentConfigurationRef="instrumentConfiguration0">
      <cvParam cvRef="IMS" accession="IMS:1000050" name="position x" value="{x}"/>
      <cvParam cvRef="IMS" accession="IMS:1000051" name="position y" value="{y}"/>
     </scan>
    </scanList>
    <binaryDataArrayList count="2">
{arrays}    </binaryDataArrayList>
   </spectrum>
"""


def write(path: Path, shape: tuple[int, int], peaks: int, *, continuous: bool) -> None:
    """Write an imzML file and its binary twin.

    Parameters
    ----------
    path
        Where to write; the twin gets the suffix ``.ibd``.
    shape
        Rows and columns of the raster.
    peaks
        Number of peaks of each spectrum; of processed spectra nearly so.
    continuous
        Whether all spectra share their m/z values.
    """
    rng = np.random.default_rng(0)
    rows, columns = shape
    shared = np.linspace(100, 1000, peaks)
    head = _HEAD.format(
        uuid=_UUID.hex(),
        kind="IMS:1000030" if continuous else "IMS:1000031",
        columns=columns,
        rows=rows,
        count=rows * columns,
    )
    with path.open("w") as text, path.with_suffix(".ibd").open("wb") as binary:
        text.write(head)
        binary.write(_UUID)
        if continuous:
            binary.write(shared.tobytes())
        for number in range(rows * columns):
            # Odd numbers of peaks leave arrays at odd multiples of four bytes.
            count = peaks if continuous else peaks + int(rng.integers(-3, 4))
            intensities = rng.random(count, np.float32) * 1000
            start = 16
            if not continuous:
                start = binary.tell()
                binary.write(np.sort(rng.uniform(100, 1000, count)).tobytes())
            after = binary.tell()
            binary.write(intensities.tobytes())
            arrays = _ARRAY.format(
                ref="mzArray", length=count, offset=start, encoded=8 * count
            ) + _ARRAY.format(
                ref="intensityArray", length=count, offset=after, encoded=4 * count
            )
            y, x = divmod(number, columns)
            text.write(
                _SPECTRUM.format(
                    n=number, tic=intensities.sum(), x=x + 1, y=y + 1, arrays=arrays
                )
            )
        text.write(" </spectrumList></run></mzML>\n")
