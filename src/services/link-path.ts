import { withDashes, withoutDashes } from '../base/id.ts';

/** What a link leads to. Ids lower case with dashes. */
export type LinkTarget =
  | {
      readonly kind: 'image' | 'prediction';
      readonly projectId: string;
      readonly id: string;
      readonly size: 'original' | 'thumbnail';
    }
  | {
      readonly kind: 'export';
      readonly projectId: string;
      readonly iterationId: string;
      readonly platform: string;
      readonly flavor: string | null;
    };

/** The path of a link, in the form of Azure's blob addresses. */
export function linkPath(target: LinkTarget): string {
  const project = withoutDashes(target.projectId);
  switch (target.kind) {
    case 'image':
      return `/i-${project}/${target.size === 'original' ? 'i' : 't'}-${withoutDashes(target.id)}`;
    case 'prediction':
      return `/predictionimages/${target.projectId}/${target.size === 'original' ? 'o' : 't'}-${withoutDashes(target.id)}`;
    case 'export': {
      const { platform, flavor } = target;
      return `/m-${project}/${withoutDashes(target.iterationId)}.${platform}${flavor === null ? '' : `.${flavor}`}.zip`;
    }
  }
}

const forms = {
  image: /^\/i-([0-9a-f]{32})\/([it])-([0-9a-f]{32})$/i,
  prediction: /^\/predictionimages\/([0-9a-f-]{36})\/([ot])-([0-9a-f]{32})$/i,
  export: /^\/m-([0-9a-f]{32})\/([0-9a-f]{32})\.(\w+)(?:\.(\w+))?\.zip$/i,
};

/** The inverse of {@link linkPath}, with or without the leading slash; `undefined` for other paths. */
export function linkTarget(path: string): LinkTarget | undefined {
  const rooted = path.startsWith('/') ? path : `/${path}`;
  for (const kind of ['image', 'prediction'] as const) {
    const [, project = '', letter = '', id = ''] = forms[kind].exec(rooted) ?? [];
    const projectId = withDashes(withoutDashes(project));
    if (projectId !== undefined)
      return { kind, projectId, id: withDashes(id)!, size: letter.toLowerCase() === 't' ? 'thumbnail' : 'original' };
  }
  const [, project = '', iteration = '', platform = '', flavor = null] = forms.export.exec(rooted) ?? [];
  const projectId = withDashes(project);
  if (projectId === undefined) return undefined;
  return { kind: 'export', projectId, iterationId: withDashes(iteration)!, platform, flavor };
}
