"""What a heading says about the commands under it: diagnosis, remedy, proof, or nothing to be run.

A heading passes what it says on to those below it; one of these says something else only if it is a section's name by
itself (``### Verification``), not if such a word stands in a phrase (``### Verify the certificates``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What the commands under a heading are for."""

    DIAGNOSIS = "diagnosis"
    REMEDY = "remedy"
    PROOF = "proof"
    NOT_RUN = "not run"
    UNKNOWN = "unknown"


SECTION_OF = {Role.DIAGNOSIS: "Diagnosis", Role.REMEDY: "Mitigation", Role.PROOF: "Verification"}
"""The section of promdrill's own form for each role that is run."""

_REMEDY = (
    r"mitigat\w*|remed(?:y|ies|iat\w*)|resol(?:ution|utions|ve|ved|ving)|fix(?:es|ing)?|solutions?|solving|solve"
    r"|work-?arounds?|repair\w*|recover(?:y|ing)?|restor(?:e|ing|ation)|corrective|actions?|response|respond"
    r"|how to (?:fix|solve|resolve|recover)|what to do|steps?|procedures?|treatment|cure"
    r"|behebung|abhilfe|l(?:ö|oe)sung(?:en)?|ma(?:ß|ss)nahmen?|fehlerbehebung|st(?:ö|oe)rungsbehebung|problembehebung"
    r"|wiederherstellung|reparatur|gegenma(?:ß|ss)nahmen?"
    r"|r(?:é|e)solution|rem(?:é|e)diation|correction|correctifs?|att(?:é|e)nuation|r(?:é|e)paration"
    r"|soluci(?:ó|o)n(?:es)?|mitigaci(?:ó|o)n|resoluci(?:ó|o)n|remediaci(?:ó|o)n|recuperaci(?:ó|o)n"
    r"|solu(?:ç|c)(?:ã|a)o|solu(?:ç|c)(?:õ|o)es|mitiga(?:ç|c)(?:ã|a)o|corre(?:ç|c)(?:ã|a)o|resolu(?:ç|c)(?:ã|a)o"
    r"|soluzione|risoluzione|mitigazione|rimedio|oplossing|rozwi(?:ą|a)zanie"
    r"|решение|устранение|исправление|восстановление"
)
_DIAGNOSIS = (
    r"diagno\w*|trouble-?shoot\w*|investigat\w*|debug\w*|triage|root causes?|causes?|analy[sz]\w*|symptoms?"
    r"|identif\w*|inspect\w*|detect(?:ion|ing)?|assessment|initial checks?|first checks?"
    r"|diagnose|fehlersuche|fehleranalyse|ursachen?|ursachenanalyse|untersuchung|symptome|diagnostik|eingrenzung"
    r"|diagnostic|causes?|enqu(?:ê|e)te|d(?:é|e)pannage|diagn(?:ó|o)stico|causas?|investigaci(?:ó|o)n"
    r"|diagnosi|cause|диагностика|причин[аы]|симптомы|расследование"
)
_PROOF = (
    r"verif(?:y|ication|ying)|validat(?:e|ion|ing)|post-?checks?|confirm(?:ation| recovery| the fix)?|success criteria"
    r"|verifikation|verifizierung|erfolgskontrolle|nachkontrolle|v(?:é|e)rification|validation"
    r"|verificaci(?:ó|o)n|validaci(?:ó|o)n|verifica(?:ç|c)(?:ã|a)o|valida(?:ç|c)(?:ã|a)o|verifica|проверка результата"
)
_EITHER = r"checks?|checking|(?:ü|ue)berpr(?:ü|ue)fung|pr(?:ü|ue)fung|kontrolle|contr(?:ô|o)le|проверка"
"""Diagnosis before the remedy, proof after it."""

_NOT_RUN = (
    r"meaning|impact|overview|summary|background|description|introduction|context|about|scope|severity|owner\w*|contacts?"
    r"|escalat\w*|prevent\w*|references?|links|related|see also|further reading|additional \w+|appendix|notes?"
    r"|prerequisites?|requirements?|preparation|set-?up|history|changelog|metadata|dashboards?"
    r"|alert(?: \w+)?|rollback|roll back|follow[ -]?ups?|post-?mortems?|lessons learned|disable this alert entirely"
    r"|default definition|glossary|table of contents|contents|limitations|faq|testing locally"
    r"|bedeutung|auswirkung(?:en)?|(?:ü|ue)berblick|zusammenfassung|hintergrund|beschreibung|voraussetzungen|eskalation"
    r"|vorbeugung|pr(?:ä|ae)vention|verweise|anhang|weiterf(?:ü|ue)hrende links"
    r"|signification|pr(?:é|e)requis|r(?:é|e)f(?:é|e)rences|contexte|impacto|resumen|requisitos|referencias|prevenci(?:ó|o)n"
)

_OTHER_SCRIPTS: tuple[tuple[Role, str], ...] = (
    (Role.PROOF, r"검증|복구\s*확인|조치\s*확인|결과\s*확인|検証|復旧確認|対処後の確認|验证|驗證"),
    (Role.REMEDY, r"조치|해결|복구|대응|완화|対処|対応|解決|復旧|処置|緩和|处理|處理|解决|修复|恢复|缓解|措施"),
    (
        Role.DIAGNOSIS,
        r"진단|원인|분석|점검|증상|조사|트러블\s*슈팅|문제\s*파악|診断|原因|調査|切り分け|症状|诊断|診斷|排查|分析|调查",
    ),
    (Role.NOT_RUN, r"의미|영향|개요|배경|참고|예방|요약|에스컬레이션|概要|影響|背景|参考|予防|意味|影响|预防|概述"),
)
_EITHER_SCRIPTS = r"확인|確認|检查|檢查"


@dataclass(frozen=True, slots=True)
class Headed:
    """A heading of a published runbook: its text, its level (0 within a list or quotation) and its line."""

    text: str
    level: int
    line: int


def roles(headings: Iterable[Headed], told: dict[str, Role]) -> dict[int, Role]:
    """The role of each heading, by its line.

    Args:
        headings: In order.
        told: Roles by the headings' texts, in lower case, which count before anything else.
    """
    found = list(headings)
    titles = [heading for heading in found if heading.level == 1]
    title = titles[0] if len(titles) == 1 else None
    said: dict[int, Role] = {}
    above: list[tuple[int, Role]] = []
    remedied = False
    for heading in found:
        while above and above[-1][0] >= heading.level > 0:
            above.pop()
        inherited = above[-1][1] if above else Role.UNKNOWN
        role = told.get(cleaned(heading.text)) or _role(heading.text, inherited, remedied=remedied)
        if heading is title and cleaned(heading.text) not in told:
            role = Role.UNKNOWN
        remedied = remedied or role is Role.REMEDY
        said[heading.line] = role
        if heading.level:
            above.append((heading.level, role))
    if title is not None and not any(role in SECTION_OF for role in said.values()):
        return _by_title(title, said)
    return said


def _by_title(title: Headed, said: dict[int, Role]) -> dict[int, Role]:
    """Where no other heading says anything, the title may: "How to fix ..."."""
    role = _role(title.text, Role.UNKNOWN, remedied=False)
    return {line: role if known is Role.UNKNOWN else known for line, known in said.items()}


def cleaned(text: str) -> str:
    """A heading's words in lower case, without numbers, emphasis and emoji at its ends."""
    bare = re.sub(r"[*_`#]|\{#[^}]*\}|\[([^]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"^(?:[\W\d_]+|step\s*\d+\s*[:.)-]?\s*)+|[\W_]+$", "", bare.lower()).strip()


def _role(text: str, inherited: Role, *, remedied: bool) -> Role:
    words = cleaned(text)
    either = Role.PROOF if remedied or inherited is Role.PROOF else Role.DIAGNOSIS
    if inherited in SECTION_OF or inherited is Role.NOT_RUN:
        return _named_alone(words, either) or inherited
    return _named_alone(words, either) or _in_phrase(words, either) or inherited


def _named_alone(words: str, either: Role) -> Role | None:
    """The role of a heading that is a section's name and little else."""
    little = r"(?:the |initial |possible |common |quick |manual |temporary |short[- ]term |long[- ]term |recommended )*"
    more = r"(?: steps?| guide| actions?| plan| procedures?| options?| instructions?)*"
    # A remedy wins where both are named: "Diagnosis and mitigation" repairs.
    for role, pattern in (
        (Role.REMEDY, _REMEDY),
        (Role.DIAGNOSIS, _DIAGNOSIS),
        (Role.PROOF, _PROOF),
        (either, _EITHER),
    ):
        if re.fullmatch(rf"{little}(?:{pattern}){more}", words):
            return role
    if re.fullmatch(rf"(?:{_NOT_RUN})", words):
        return Role.NOT_RUN
    for role, pattern in _OTHER_SCRIPTS:
        if re.fullmatch(rf"(?:{pattern})\s*(?:방법|절차|단계|사항|내용|방안|手順|方法|步骤)?", words):
            return role
    return either if re.fullmatch(rf"(?:{_EITHER_SCRIPTS})\s*(?:방법|절차|사항)?", words) else None


def _in_phrase(words: str, either: Role) -> Role | None:
    """The role of a heading with a telling word somewhere in it."""
    for role, pattern in _OTHER_SCRIPTS[:1]:
        if re.search(pattern, words):
            return role
    telling = ((Role.REMEDY, _REMEDY), (Role.DIAGNOSIS, _DIAGNOSIS), (Role.PROOF, _PROOF), (either, _EITHER))
    found = {role for role, pattern in telling if re.search(rf"(?<!\w)(?:{pattern})(?!\w)", words)}
    found |= {role for role, pattern in _OTHER_SCRIPTS[1:3] if re.search(pattern, words)}
    if re.search(_EITHER_SCRIPTS, words):
        found.add(either)
    if re.match(r"(?:verif|validat|confirm)", words) or re.search(r"(?:verification|validation|verifizierung)$", words):
        return Role.PROOF
    if Role.REMEDY in found and not _only_steps(words, found):
        return Role.REMEDY
    return next((role for role in (Role.DIAGNOSIS, Role.PROOF, Role.REMEDY) if role in found), None) or (
        Role.NOT_RUN if re.match(rf"(?:{_NOT_RUN})(?!\w)", words) else None
    )


def _only_steps(words: str, found: set[Role]) -> bool:
    """Whether only "steps" or "actions" speak for a remedy, and another word for something else: "diagnostic steps"."""
    rest = re.sub(r"\b(?:steps?|actions?|procedures?|response)\b", "", words)
    return len(found) > 1 and not re.search(rf"(?<!\w)(?:{_REMEDY})(?!\w)", rest)
