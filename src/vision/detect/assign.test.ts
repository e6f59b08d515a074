import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../base/random.ts';
import { type Marked, overlap, suppress } from '../image/box.ts';
import { assign, emptyTargets } from './assign.ts';
import { cellsOf } from './cells.ts';
import { decode } from './decode.ts';
import { seen } from './seen.ts';

const cells = cellsOf(320);
const box = (left: number, top: number, width: number, height: number, label = 0): Marked => ({
  left,
  top,
  width,
  height,
  label,
});

test('cells lie in rows, level by level', () => {
  assert.equal(cells.count, 1600 + 400 + 100);
  assert.deepEqual([cells.x[41], cells.y[41], cells.stride[41]], [12, 12, 8]);
  assert.deepEqual([cells.x[1600], cells.y[2099], cells.stride[2099]], [8, 304, 32]);
});

test('what the cells are told is what is found when they say it', () => {
  const draw = random('boxes');
  for (let round = 0; round < 50; round++) {
    const [width, height] = [draw.uniform(0.03, 0.9), draw.uniform(0.03, 0.9)];
    const one = box(draw.uniform(0, 1 - width), draw.uniform(0, 1 - height), width, height, round % 3);
    const targets = emptyTargets(2, 3, cells);
    assign(targets, 1, [one], [], cells);
    assert.ok(targets.positives >= 1);
    const found = decode(targets.labels, targets.sides.map(Math.log), 1, 3, cells);
    assert.equal(found.length, 1, JSON.stringify(one));
    assert.equal(found[0]!.label, one.label);
    assert.ok(overlap(found[0]!, one) > 0.995, JSON.stringify([one, found]));
    assert.deepEqual(decode(targets.labels, targets.sides.map(Math.log), 0, 3, cells), []);
  }
});

test('where two boxes claim a cell the smaller one has it', () => {
  const targets = emptyTargets(1, 2, cells);
  assign(targets, 0, [box(0.4, 0.4, 0.1, 0.1, 0), box(0.35, 0.35, 0.19, 0.19, 1)], [], cells);
  const cell = cells.x.findIndex((x, i) => x === 148 && cells.y[i] === 148 && cells.stride[i] === 8);
  assert.deepEqual([targets.labels[cell], targets.labels[cells.count + cell]], [1, 0]);
});

test('a box smaller than the space between cells still has one', () => {
  const targets = emptyTargets(1, 1, cells);
  assign(targets, 0, [box(0.0001, 0.0001, 0.002, 0.002)], [], cells);
  assert.equal(targets.positives, 1);
  assert.ok(targets.sides.every((value) => value >= 0.018));
});

test('where it is unsure what is there nothing is learned, but where something is', () => {
  const targets = emptyTargets(1, 1, cells);
  assign(targets, 0, [box(0.4, 0.4, 0.1, 0.1)], [box(0.3, 0.3, 0.3, 0.3)], cells);
  const passed = targets.counted.reduce((sum, value) => sum + 1 - value, 0);
  assert.ok(passed > 100 && passed < 200, String(passed));
  targets.positive.forEach((value, cell) => {
    if (value === 1) assert.equal(targets.counted[cell], 1);
  });
});

test('overlaps and what gives way', () => {
  assert.ok(Math.abs(overlap(box(0, 0, 0.2, 0.2), box(0.1, 0, 0.2, 0.2)) - 1 / 3) < 1e-12);
  assert.equal(overlap(box(0, 0, 0.2, 0.2), box(0.5, 0.5, 0.2, 0.2)), 0);
  const found = [
    { ...box(0, 0, 0.2, 0.2), score: 0.5 },
    { ...box(0.01, 0, 0.2, 0.2), score: 0.9 },
    { ...box(0.01, 0, 0.2, 0.2, 1), score: 0.3 },
    { ...box(0.6, 0, 0.2, 0.2), score: 0.2 },
  ];
  assert.deepEqual(
    suppress(found, { overlap: 0.5, most: 5 }).map(({ score }) => score),
    [0.9, 0.3, 0.2],
  );
  assert.deepEqual(
    suppress(found, { overlap: 0.5, most: 1 }).map(({ score }) => score),
    [0.9, 0.3],
  );
});

test('boxes follow the view; what is hardly seen is unsure', () => {
  const view = { left: 0.5, top: 0, width: 0.5, height: 1, mirrored: true, colour: [] };
  const { marked, unsure } = seen([box(0.6, 0.2, 0.1, 0.2), box(0.4, 0, 0.12, 0.5), box(0, 0, 0.3, 0.3)], view, 320);
  assert.equal(marked.length, 1);
  const [one] = marked;
  for (const [value, wanted] of [
    [one!.left, 0.6],
    [one!.top, 0.2],
    [one!.width, 0.2],
    [one!.height, 0.2],
  ])
    assert.ok(Math.abs(value! - wanted!) < 1e-9);
  assert.equal(unsure.length, 1);
  assert.ok(Math.abs(unsure[0]!.left - 0.96) < 1e-9);
});
