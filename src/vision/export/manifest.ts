import { createHash } from 'node:crypto';
import type { Micros } from '../../base/clock.ts';
import type { ExportedFile } from './exporter.ts';

/** What an export's manifest is about. */
export interface ManifestFacts {
  readonly domainType: 'Classification' | 'ObjectDetection';
  readonly platform: string;
  readonly flavor: string | null;
  readonly exported: Micros;
  readonly iterationId: string;
  /** The model's file as it lies in the zip. */
  readonly model: ExportedFile;
}

/** Name of the file with the labels. */
const labelFileName = 'labels.txt';
/** Name of the file with {@link metadataFile}'s content. */
const metadataFileName = 'metadata_properties.json';
/** Name of the file with {@link exportManifest}'s object. */
const manifestFileName = 'cvexport.manifest';

/**
 * The object `cvexport.manifest` holds, its fields in Azure's order. The SHA-1 is there for consumers that verify it,
 * not for safety.
 */
export const exportManifest = ({ domainType, platform, flavor, exported, iterationId, model }: ManifestFacts) => ({
  DomainType: domainType,
  Platform: platform,
  Flavor: flavor,
  ExporterVersion: '2.0',
  ExportedDate: sevenDigits(exported),
  IterationId: iterationId,
  ModelFileName: model.name,
  LabelFileName: labelFileName,
  MetadataPropsFileName: metadataFileName,
  ModelFileSHA1: createHash('sha1').update(model.bytes).digest('hex'),
  SchemaVersion: '1.0',
});

/** A moment as .NET writes it: seven digits of the second and Z. */
function sevenDigits(moment: Micros): string {
  const iso = new Date(Math.floor(moment / 1000)).toISOString();
  return `${iso.slice(0, -1)}${String(moment % 1000).padStart(3, '0')}0Z`;
}

/** `metadata_properties.json`. */
export const metadataFile = (metadata: Readonly<Record<string, string>>): ExportedFile =>
  jsonFile(metadataFileName, metadata);

/** `cvexport.manifest`. */
export const manifestFile = (facts: ManifestFacts): ExportedFile => jsonFile(manifestFileName, exportManifest(facts));

/** `labels.txt`: one label per line, in the order of the outputs; line breaks inside a label become spaces. */
export const labelFile = (labels: readonly string[]): ExportedFile => ({
  name: labelFileName,
  bytes: new TextEncoder().encode(labels.map((label) => label.replaceAll(/[\r\n]+/g, ' ')).join('\n')),
});

const jsonFile = (name: string, content: unknown): ExportedFile => ({
  name,
  bytes: new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`),
});
