import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError, expected } from '../base/errors.ts';
import type { IterationImageRow } from '../store/schema.ts';
import { namingImages } from './lesson.ts';

test('a picture that learning cannot decode is named by the id of its image; any other error stays as it is', () => {
  const images = ['one', 'two'].map((image_id) => ({ image_id }) as IterationImageRow);
  const naming = namingImages(images, ['ab12', 'cd34']);
  const undecodable = new AppError('PictureUndecodable', expected('a picture', 'cd34', 'other bytes'));
  assert.throws(() => naming(undecodable), { code: 'PictureUnreadable', message: /image two cannot be read/ });
  const other = new AppError('TrainingDiverged', 'cd34');
  assert.throws(() => naming(other), other);
});
