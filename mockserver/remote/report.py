"""What `verify` found, for people, programs and CI: text, JSON, JUnit's XML. Strings only; nothing is printed here."""

import json
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as xml

from mockserver.fixtures.mistakes import counted, printable
from mockserver.remote.judgement import Told
from mockserver.remote.verify import Verdict

FORMATS: Final = ("text", "json", "junit")


def text(verdict: Verdict) -> str:
    return "\n".join(printable(line) for line in _lines(verdict))


def _lines(verdict: Verdict) -> Iterator[str]:
    asked = sum(verdict.asked.values())
    against = f", held against {verdict.variant.dialect}{_fit(verdict)}" if verdict.is_answered else ""
    yield f"{verdict.url}: {counted(asked, 'request')}{against}"
    for one in verdict.differences:
        is_allowed = one.difference.kind in verdict.allowed
        yield f"{'note: ' if is_allowed else ''}{sentence(one)}"
    for note in verdict.notes:
        yield f"note: {note}"
    yield summary(verdict)


def _fit(verdict: Verdict) -> str:
    """Which dialects fit, and which would fit better."""
    fewest = min(verdict.fits.values())
    best = [name for name, count in verdict.fits.items() if count == fewest]
    own = verdict.fits[verdict.variant.dialect]
    if own > fewest:
        return f" ({counted(own, 'difference')}); {' and '.join(best)} would fit better ({fewest})"
    others = [name for name in best if name != verdict.variant.dialect]
    return f", which fits best{''.join(f'; {name} fits as well' for name in others)}"


def summary(verdict: Verdict) -> str:
    count = len(verdict.counting)
    return "as the contract says" if count == 0 else counted(count, "difference")


def sentence(told: Told) -> str:
    """One line of it."""
    kind, path, wanted, came = told.difference
    where = f" {told.place}" if path else ""
    often = "once" if told.times == 1 else f"{told.times} times, first"
    return f"{told.question}{where}: {kind}: wants {wanted}; came {came} ({often} at GET {told.target})"


def as_json(verdict: Verdict) -> str:
    differences = [
        {
            "operation": one.operation,
            "question": one.question,
            "kind": one.difference.kind,
            "path": one.place if one.difference.path else None,
            "wanted": one.difference.wanted,
            "came": one.difference.came,
            "count": one.times,
            "request": f"GET {one.target}",
            "allowed": one.difference.kind in verdict.allowed,
        }
        for one in verdict.differences
    ]
    found = {
        "url": verdict.url,
        **verdict.variant._asdict(),
        "fits": verdict.fits,
        "asked": verdict.asked,
        "differences": differences,
        "notes": verdict.notes,
        "ok": not verdict.counting,
    }
    found["fieldNames"] = found.pop("field_names")
    return json.dumps(found, indent=2, ensure_ascii=False)


def junit(verdict: Verdict) -> str:
    """A test case for each thing that was asked, and in it a failure for each difference."""
    failures = [(one.question, printable(sentence(one)), one.difference.kind) for one in verdict.counting]
    failed = len({question for question, _, _ in failures})
    counts = {"tests": str(len(verdict.asked)), "failures": str(failed), "errors": "0"}
    suites = xml.Element("testsuites", counts)
    suite = xml.SubElement(suites, "testsuite", {"name": f"ocp-mockserver verify {verdict.url}", **counts})
    for question in verdict.asked:
        case = xml.SubElement(suite, "testcase", {"classname": verdict.variant.dialect, "name": question})
        own = [one for one in failures if one[0] == question]
        if own:  # JUnit has one failure in a case
            message = own[0][1] if len(own) == 1 else f"{len(own)} differences"
            failure = xml.SubElement(case, "failure", {"message": message, "type": own[0][2]})
            failure.text = "\n".join(sentence for _, sentence, _ in own)
    xml.SubElement(suite, "system-out").text = text(verdict)
    xml.indent(suites)
    return xml.tostring(suites, encoding="unicode", xml_declaration=True)


WRITERS: Final = {"text": text, "json": as_json, "junit": junit}
