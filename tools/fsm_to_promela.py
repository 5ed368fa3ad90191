#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn the state machine of core_fsm.[ch] into Promela.

  tools/fsm_to_promela.py [SOURCE TARGET]

SOURCE is the folder of core_fsm.[ch], TARGET what is written: model/fsm.pml,
unless told. That the latter is not old is seen to by tools/check_model.py.

The names stay those of the C sources. What cannot be read is an error: a table
that is written in another way must not give half a model.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / 'modules/ims_release'
TARGET = ROOT / 'model/fsm.pml'

TOP = '''/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Made by tools/fsm_to_promela.py of modules/ims_release/core_fsm.[ch]. */
'''


class Unreadable(Exception):
    pass


def without_comments(text):
    return re.sub(r'/\*.*?\*/', '', text, flags=re.S)


def enum(text, name):
    """The members of an enum as (name, value)."""
    body = re.search(r'enum %s\s*\{(.*?)\}' % name, text, re.S)
    if not body:
        raise Unreadable(f'no enum {name}')
    members, value = [], 0
    for item in filter(None, map(str.strip, body.group(1).split(','))):
        member = re.fullmatch(r'(IRL_\w+)(?:\s*=\s*(\d+))?', item)
        if not member:
            raise Unreadable(f'enum {name}: {item}')
        value = int(member.group(2) or value)
        members.append((member.group(1), value))
        value += 1
    return members


def labels(text, name):
    body = re.search(r'%s\[\w+\]\s*=\s*\{(.*?)\}' % name, text, re.S)
    if not body:
        raise Unreadable(f'no {name}')
    return re.findall(r'"(\w+)"', body.group(1))


def table(text):
    """The cells: {(state, event): (next state, actions)}."""
    body = re.search(r'table\[IRL_STATES\]\[IRL_EVENTS\] = \{(.*?)\n\};',
                     text, re.S)
    if not body:
        raise Unreadable('no table')
    cells, state = {}, None
    for line in filter(None, map(str.strip, body.group(1).splitlines())):
        row = re.fullmatch(r'\[(IRL_\w+)\] = \{', line)
        cell = re.fullmatch(r'\[(IRL_EV_\w+)\]\s*= TO\((\w+), ([^()]+)\),',
                            line)
        if row and not state:
            state = row.group(1)
        elif cell and state and (state, cell.group(1)) not in cells:
            actions = re.split(r'\s*\|\s*', cell.group(3))
            cells[state, cell.group(1)] = ('IRL_' + cell.group(2), actions)
        elif line == '},' and state:
            state = None
        else:
            raise Unreadable(f'table: {line}')
    return cells


def read(folder):
    """States, events, actions and cells, checked against one another."""
    header = without_comments((folder / 'core_fsm.h').read_text())
    source = without_comments((folder / 'core_fsm.c').read_text())
    states = enum(header, 'irl_state')
    events = enum(header, 'irl_event')
    actions = enum(header, 'irl_action')
    cells = table(source)
    for kind, members, prefix in (('state', states, 'IRL_'),
                                  ('event', events, 'IRL_EV_')):
        if [v for _, v in members] != list(range(len(members))):
            raise Unreadable(f'{kind}s are not numbered 0, 1, 2, ...')
        short = [n[len(prefix):] for n, _ in members]
        if short != labels(source, f'{kind}_labels'):
            raise Unreadable(f'{kind}_labels differ from the enum')
    known = {n for n, _ in states + events + actions} | {'0'}
    for (state, event), (following, todo) in cells.items():
        for name in (state, event, following, *todo):
            if name not in known:
                raise Unreadable(f'table: {name} is not declared')
    return states, events, actions, cells


def promela(folder):
    states, events, actions, cells = read(folder)
    out = [TOP]
    for members in (states, events, actions):
        out += [f'#define {n} {v}' for n, v in members] + ['']
    out += ['/* as irl_fsm_next(): what is illegal leaves `state`, and gives',
            ' * no actions */',
            'inline irl_fsm_next(state, ev, actions)',
            '{',
            '\tactions = IRL_DO_NOTHING;',
            '\tif']
    for state, _ in states:
        row = [(e, *cells[state, e]) for e, _ in events if (state, e) in cells]
        if not row:
            continue
        out += [f'\t:: state == {state} ->', '\t\tif']
        for event, following, todo in row:
            step = f'state = {following}'
            if todo != ['0']:
                step += f'; actions = {" | ".join(todo)}'
            out.append(f'\t\t:: ev == {event} -> {step}')
        out += ['\t\t:: else', '\t\tfi']
    out += ['\t:: else', '\tfi', '}', '']
    return '\n'.join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', nargs='?', type=pathlib.Path, default=SOURCE)
    parser.add_argument('target', nargs='?', type=pathlib.Path, default=TARGET)
    args = parser.parse_args()
    try:
        text = promela(args.source)
    except Unreadable as error:
        sys.exit(f'core_fsm: {error}')
    args.target.write_text(text)


if __name__ == '__main__':
    main()
