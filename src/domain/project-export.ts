/** What lets whoever has it copy a project: an address of the project at its server holds these. */
export interface ExportSignature {
  readonly projectId: string;
  readonly signature: string;
  /** When it ends, as the address says it. */
  readonly expiry: string;
}

/** How much of a project goes along when it is copied. */
export interface ProjectCounts {
  readonly iterationCount: number;
  readonly imageCount: number;
  readonly tagCount: number;
  readonly regionCount: number;
}

/** A project that can be copied. */
export interface ProjectExport extends ProjectCounts {
  readonly estimatedImportTimeInMs: number;
  readonly signature: ExportSignature;
}

/** The two things handed out of such a project, and the last part of their addresses. */
export const exportParts = { info: 'project-export-info', archive: 'project-export-archive' } as const;
/** One of {@link exportParts}. */
export type ExportPart = keyof typeof exportParts;
