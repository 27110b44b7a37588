"""Building a skeleton: a conversation drawn with stand-ins for its texts, and each assistant turn's region found on it.

Costs one more render for a shape, and two for each assistant turn when the template has no marks; every other
conversation of the shape is then laid out by one string comparison (`layout.Skeleton.prove`).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, NamedTuple

from datasetbuild.errors import RecordError
from datasetbuild.record import Message, Reason
from datasetbuild.stages.render.layout import Mark, Parity, Place, Region, Skeleton, Slot, Trained, unproved
from datasetbuild.stages.render.literals import call_words, shared, tool_names, unused
from datasetbuild.stages.render.shape import Shape, text_fields
from datasetbuild.stages.render.template import ChatTemplate

OPENER = re.compile(r"\s*(<|\[|\Z)")
OPENING_TAG = re.compile(r"\s*([<\[][^<>\[\]]+[>\]]\s*)*")
"""Tags that a generation prompt may end with and a stored turn lack: `<think>`, or an empty thought."""


class Drawn(NamedTuple):
    """A conversation with stand-ins, drawn. order: number of the slot after each gap. starts: where each gap starts."""

    text: str
    literals: list[str]
    order: list[int]
    starts: list[int]
    marks: list[Mark] | None


class Builder:
    """Builds one skeleton: draws the stand-ins, and finds each assistant turn's region between them."""

    def __init__(self, template: ChatTemplate, messages: list[Message], tools: str | None, shape: Shape) -> None:
        self.template, self.messages, self.tools = template, messages, tools
        self.base = unused(template, shape, tools)
        self.split = re.compile(f"{self.base}([0-9]{{6}})q")
        self.slots: list[Slot] = []
        self.stand_ins = [self._stand_in(turn, message) for turn, message in enumerate(messages)]
        self.assistants = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
        self.drawn = self._draw(self.stand_ins)
        self.asked: dict[int, Drawn | Parity] = {}
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        for position, number in enumerate(self.drawn.order):
            self.first.setdefault(self.slots[number].turn, position)
            self.last[self.slots[number].turn] = position

    def _stand_in(self, turn: int, message: Message) -> Message:
        changed: Any = dict(message)
        for name, literals, cores in text_fields(message):
            parts = [literals[0]]
            for index, literal in enumerate(literals[1:]):
                parts += [f"{self.base}{len(self.slots):06d}q", literal]
                self.slots.append(Slot(turn, name, name == "content" and index == len(cores) - 1))
            changed[name] = "".join(parts)
        stand_in: Message = changed
        return stand_in

    def _draw(self, messages: list[Message], *, prompt: bool = False) -> Drawn:
        text, marks = self.template.draw(messages, self.tools, add_generation_prompt=prompt)
        starts, literals, order, position = [], [], [], 0
        for match in self.split.finditer(text):
            starts.append(position)
            literals.append(text[position : match.start()])
            order.append(int(match[1]))
            position = match.end()
        return Drawn(text, [*literals, text[position:]], order, [*starts, position], marks)

    def build(self) -> Skeleton:
        self._repeat()
        self._refuse_dropped()
        marks = sorted(mark for mark in self.drawn.marks or [] if mark.end > mark.start)
        regions = self._marked(marks) if marks else [self._unmarked(turn) for turn in self.assistants]
        regions = [self._from_prompt(region) for region in regions]
        self._check(regions)
        self._check_stops(regions)
        ordered = sorted((r for r in regions if r.end > r.start), key=lambda region: region.start)
        placed = tuple(
            self._trained(r, first=r.turn not in {b.turn for b in ordered[:n]}) for n, r in enumerate(ordered)
        )
        both = tuple((self._place(mark.start), self._place(mark.end)) for mark in self.drawn.marks or [])
        return Skeleton(tuple(self.drawn.literals), tuple(self.drawn.order), self._covered(regions), placed, both)

    def _trained(self, r: Region, *, first: bool) -> Trained:
        parity, given = self._parity(r) if first else (None, r.start)
        before = self.drawn.text[:given]
        gap = self._place(given)
        literal = self.drawn.literals[gap.gap][: gap.offset]
        last = max((at for token in self.template.spec.added if (at := literal.rfind(token)) >= 0), default=-1)
        tail = literal[last:] if last >= 0 else before if gap.gap == 0 else None
        stop_end = self._place(r.stop_end if r.stop >= 0 else r.end)
        return Trained(r.turn, self._place(r.start), self._place(r.end), r.stop, stop_end, parity, gap, tail)

    def _parity(self, region: Region) -> tuple[Parity, int]:
        """How the text before a region differs from the generation prompt's, and where in the text the prompt ends."""
        there = set(self.drawn.order)
        bare = any(s.turn == region.turn and not s.must and n not in there for n, s in enumerate(self.slots))
        prompt = self._asked(region.turn)
        if isinstance(prompt, Parity):
            return Parity.STRIPPED_REASONING if bare else prompt, region.start
        before, text = self.drawn.text[: region.start], prompt.text
        if text.startswith(before) and text != before:
            self._refuse_header(region.turn, text[len(before) :], inside=self.drawn.text.startswith(text))
            return Parity.STRIPPED_REASONING if bare else Parity.THINK_OPENER, region.start
        if bare:
            return Parity.STRIPPED_REASONING, region.start
        if before.startswith(text):
            return (Parity.NO_GENERATION_PROMPT if before[len(text) :].strip() else Parity.EXACT), len(text)
        thoughts = {n for n, slot in enumerate(self.slots) if not slot.must and slot.turn < region.turn}
        if thoughts & there != thoughts & set(prompt.order):
            return Parity.STRIPPED_REASONING, region.start
        return Parity.HISTORY_REWRITTEN, region.start

    def _refuse_header(self, turn: int, extra: str, *, inside: bool) -> None:
        """What the generation prompt has beyond the start of a region may be the opener of a thought, nothing else."""
        if OPENING_TAG.fullmatch(extra) and not any(token in extra for token in self.template.control):
            return
        if inside:
            raise unproved(f"the trained region of turn {turn + 1} begins inside the generation prompt")
        raise unproved(f"turn {turn + 1} does not begin as the template's generation prompt ends")

    def _asked(self, turn: int) -> Drawn | Parity:
        """The turns before with the generation prompt, or why a model could not be asked so."""
        if turn not in self.asked:
            self.asked[turn] = self._ask(turn)
        return self.asked[turn]

    def _ask(self, turn: int) -> Drawn | Parity:
        if not any(message["role"] == "user" for message in self.messages[:turn]):
            return Parity.NO_USER_TURN_BEFORE
        try:
            return self._draw(self.stand_ins[:turn], prompt=True)
        except RecordError:
            return Parity.PREFIX_RAISES

    def _from_prompt(self, region: Region) -> Region:
        """The region moved to where the generation prompt ends when only white space stands between: the model writes
        what comes after, and is given what comes before."""
        asked = self._asked(region.turn)
        if isinstance(asked, Parity) or region.end <= region.start:
            return region
        start = len(asked.text)
        between = self.drawn.text[min(start, region.start) : max(start, region.start)]
        given = self.drawn.text.startswith(asked.text) and start < region.end
        return region._replace(start=start) if given and not between.strip() else region

    def _repeat(self) -> None:
        """A second run, by a template compiled anew: nothing may be left of the first, and no clock may be read. A
        third one on another day says whether the text holds the date, which a build must then name."""
        again, later = self.template.twins
        if again.draw(self.stand_ins, self.tools)[0] != self.drawn.text:
            raise unproved("the template gives another text when it runs a second time")
        if later.draw(self.stand_ins, self.tools)[0] != self.drawn.text:
            self.template.known["dated"] = True

    def _check_stops(self, regions: list[Region]) -> None:
        """What ends a turn at inference must be trained, or the model never learns to stop."""
        _, usual = self._usual_stop()
        for region in {region.turn: region for region in sorted(regions, key=lambda region: region.start)}.values():
            said = self.drawn.text[region.start : region.end].rstrip()
            if region.stop < 0 and not (usual and said.endswith(usual)):
                raise unproved(f"nothing ends turn {region.turn + 1}, so that a model would not learn to stop there")

    def _covered(self, regions: list[Region]) -> tuple[Slot, ...]:
        """The slots, `must` now meaning that the turn's region covers the text."""
        covered = set()
        for position, number in enumerate(self.drawn.order):
            start, end = self._bounds(position)
            if any(r.turn == self.slots[number].turn and r.start <= start and end <= r.end for r in regions):
                covered.add(number)
        return tuple(slot._replace(must=number in covered) for number, slot in enumerate(self.slots))

    def _bounds(self, position: int) -> tuple[int, int]:
        """Characters of the stand-in in the slot at this position of the drawn text."""
        return self.drawn.starts[position] + len(self.drawn.literals[position]), self.drawn.starts[position + 1]

    def _place(self, point: int) -> Place:
        for gap, (start, literal) in enumerate(zip(self.drawn.starts, self.drawn.literals, strict=True)):
            if start <= point <= start + len(literal):
                return Place(gap, point - start)
        raise unproved("a generation mark begins or ends inside a turn's text")

    def _refuse_dropped(self) -> None:
        """A template that leaves out turns or tools would train on another conversation than was given."""
        there = set(self.drawn.order)
        for number, slot in enumerate(self.slots):
            if slot.must and number not in there:
                role = self.messages[slot.turn]["role"]
                sentence = f"{self.template.name} leaves out the text of turn {slot.turn + 1} ({role})"
                raise RecordError(Reason.TEMPLATE_ERROR, sentence)
        for name in tool_names(self.tools):
            if name not in self.drawn.text:
                raise RecordError(Reason.TEMPLATE_ERROR, f"{self.template.name} leaves out the tool {name!r}")

    def _check(self, regions: list[Region]) -> None:
        for region in regions:
            if region.turn not in self.assistants:
                role = self.messages[region.turn]["role"]
                raise unproved(f"the template marks turn {region.turn + 1} ({role}) as generated")
        for turn in self.assistants:
            own = [region for region in regions if region.turn == turn]
            said = "".join(self.drawn.text[region.start : region.end] for region in own)
            for word in call_words(self.messages[turn].get("tool_calls")):
                if word not in said:
                    raise RecordError(
                        Reason.TEMPLATE_ERROR,
                        f"{self.template.name} leaves {word!r} of a tool call out of turn {turn + 1}",
                    )
        for position, number in enumerate(self.drawn.order):
            slot, (start, end) = self.slots[number], self._bounds(position)
            touching = [region.turn for region in regions if region.start < end and start < region.end]
            if slot.turn in self.assistants and slot.must and touching != [slot.turn]:
                raise unproved(f"the trained region of turn {slot.turn + 1} does not hold its text")
            if any(turn != slot.turn for turn in touching):
                raise unproved(f"a trained region reaches into the text of turn {slot.turn + 1}")

    # With marks

    def _marked(self, marks: list[Mark]) -> list[Region]:
        if len(marks) == len(self.assistants):
            turns = self.assistants
        else:
            turns = [self._turn_of(mark) for mark in marks]
        return [self._with_stop(turn, mark) for turn, mark in zip(turns, marks, strict=True)]

    def _turn_of(self, mark: Mark) -> int:
        inside = {
            self.slots[number].turn
            for position, number in enumerate(self.drawn.order)
            if mark.start <= self._bounds(position)[0] and self._bounds(position)[1] <= mark.end
        }
        if len(inside) != 1:
            raise unproved("a generation block of the template belongs to no turn, or to several")
        return inside.pop()

    def _with_stop(self, turn: int, mark: Mark) -> Region:
        """The mark, and the token that ends the turn where the mark leaves it out."""
        said = self.drawn.text[mark.start : mark.end].rstrip()
        token, after = self._next_stop(self.drawn.text, mark.end)
        usual, text = self._usual_stop()
        if usual < 0 or token != usual or said.endswith(text):
            for stop, number in self._stops.items():
                if said.endswith(stop):
                    return Region(turn, mark.start, mark.end, number, mark.start + len(said))
        return Region(turn, mark.start, after if token >= 0 else mark.end, token, after)

    # Without marks

    def _unmarked(self, turn: int) -> Region:
        start = self._start(turn)
        calls = bool(self.messages[turn].get("tool_calls"))
        known = turn in self.last
        after = self.drawn.starts[self.last[turn] + 1] if known else start
        gap = self._place(after).gap
        end_of_gap = self.drawn.starts[gap] + len(self.drawn.literals[gap])
        rest = self.drawn.text[after:end_of_gap]
        if not calls and known:
            token, end = self._next_stop(rest, 0)
            if token >= 0:
                return Region(turn, start, after + end, token, after + end)
            said = rest.lstrip()
            closing = shared(said, self._ending().lstrip()).rstrip()
            return Region(turn, start, after + (len(rest) - len(said) + len(closing) if closing else 0), -1, -1)
        token, stop = self._usual_stop()
        if not stop or (found := rest.find(stop)) < 0:
            raise unproved(f"the end of turn {turn + 1} cannot be told from what follows it")
        end = after + found + len(stop)
        return Region(turn, start, end, token, end if token >= 0 else -1)

    def _start(self, turn: int) -> int:
        """Where the turn's own text begins: where the generation prompt of the turns before it ends."""
        prompt = self._prompt(turn)
        own = self._own_start(turn)
        if prompt is None:
            before = self._asked(turn)
            if not isinstance(before, Parity) and self._headless and self.drawn.text.startswith(before.text):
                return len(before.text)
            if own is None or self.messages[turn].get("tool_calls"):
                raise unproved(
                    f"the template has no generation prompt, so that the start of turn {turn + 1} is not known"
                )
            return own
        gap = 0
        if prompt.order:
            last = prompt.order[-1]
            gap = self.drawn.order.index(last) + 1 if last in self.drawn.order else -1
        if gap < 0 or (own is not None and gap != self.first[turn]):
            raise unproved(f"the template puts turn {turn + 1} elsewhere than after the turn before it")
        header = shared(self.drawn.literals[gap], prompt.literals[-1])
        opener = prompt.literals[-1][len(header) :]  # such as <think>, which not every turn reproduces
        if not OPENER.match(opener) or any(token in opener for token in self.template.control):
            raise unproved(f"turn {turn + 1} does not begin as the template's generation prompt ends")
        return self.drawn.starts[gap] + len(header)

    def _own_start(self, turn: int) -> int | None:
        """Where the turn's texts begin, with what of them is kept as it is, such as an opening <think>."""
        if turn not in self.first:
            return None
        gap = self.first[turn]
        slot = self.slots[self.drawn.order[gap]]
        kept = next(literals[0] for name, literals, _ in text_fields(self.messages[turn]) if name == slot.field)
        literal = self.drawn.literals[gap]
        return self.drawn.starts[gap] + len(literal.removesuffix(kept.lstrip()) if kept.strip() else literal)

    @cached_property
    def _headless(self) -> bool:
        """Whether nothing stands between a question and its answer, so that an answer begins where the question
        ends."""
        asked: Message = {"role": "user", "content": f"{self.base}000000q"}
        answered: Message = {"role": "assistant", "content": f"{self.base}000001q"}
        try:
            before, whole = self._draw([asked]).text, self._draw([asked, answered])
        except RecordError:
            return False
        return (
            whole.text.startswith(before)
            and not whole.text[len(before) : whole.starts[1] + len(whole.literals[1])].strip()
        )

    def _prompt(self, turn: int) -> Drawn | None:
        """The turns before, with the generation prompt; None where a template has none or refuses such a beginning."""
        asked = self._asked(turn)
        if isinstance(asked, Parity):
            return None
        try:
            plain = self._draw(self.stand_ins[:turn])
        except RecordError:
            return None
        return asked if asked.text != plain.text else None

    @cached_property
    def _stops(self) -> dict[str, int]:
        """Tokens that can end a turn, longest first: all added ones with a visible name, but for the opening one."""
        spec = self.template.spec
        opening = {spec.bos} - {spec.eos}
        added = {token: number for token, number in spec.added.items() if token.strip() and token not in opening}
        return dict(sorted(added.items(), key=lambda item: (-len(item[0]), item[0])))

    def _next_stop(self, text: str, position: int) -> tuple[int, int]:
        """(id, end) of the token that stands at the position, white space aside; (-1, -1) when none does."""
        visible = len(text) - len(text[position:].lstrip())
        for token, number in self._stops.items():
            if text.startswith(token, visible):
                return number, visible + len(token)
        return -1, -1

    def _ending(self) -> str:
        """What the template writes after the answer of the plainest conversation."""
        if "ending" not in self.template.known:
            self.template.known["ending"] = self._draw_ending()
        return str(self.template.known["ending"])

    def _draw_ending(self) -> str:
        try:
            drawn = self._draw(
                [
                    {"role": "user", "content": f"{self.base}000000q"},
                    {"role": "assistant", "content": f"{self.base}000001q"},
                ]
            )
        except RecordError:
            return ""
        return drawn.literals[-1] if drawn.order[-1:] == [1] else ""

    def _usual_stop(self) -> tuple[int, str]:
        """(id or -1, text) of what ends a turn of the assistant in the plainest conversation."""
        ending = self._ending()
        token, end = self._next_stop(ending, 0)
        return (token, ending[:end].strip()) if token >= 0 else (-1, ending.strip())
