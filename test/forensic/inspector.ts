/** A look into a running Node process through its inspector. */
export interface Inspector {
  /**
   * Everything its main thread still holds after garbage is collected: a snapshot of the heap with every text, and the bytes of
   * every buffer.
   */
  held(): Promise<{ readonly snapshot: Buffer; readonly buffers: Buffer }>;
  /** Bytes its objects and buffers take after garbage is collected. */
  used(): Promise<number>;
  close(): void;
}

/** Connects to the inspector of a process that was started with `--inspect` and has said where it listens. */
export async function inspect(output: string): Promise<Inspector> {
  const url = /ws:\/\/\S+/.exec(output)?.[0];
  if (url === undefined) throw new Error('expected a process with --inspect');
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const waiting = new Map<number, (answer: { result: Record<string, unknown> }) => void>();
  const chunks: string[] = [];
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data));
    if (message.method === 'HeapProfiler.addHeapSnapshotChunk') chunks.push(message.params.chunk);
    else waiting.get(message.id)?.(message);
  });
  let number = 0;
  const call = async <T>(method: string, params: object = {}): Promise<T> => {
    const id = ++number;
    socket.send(JSON.stringify({ id, method, params }));
    const { result } = await new Promise<{ result: Record<string, unknown> }>((resolve) => waiting.set(id, resolve));
    return result as T;
  };
  const collect = async () => {
    // What only weak references led to goes in the second round.
    for (let round = 0; round < 2; round++) await call('HeapProfiler.collectGarbage');
  };
  return {
    async used() {
      await collect();
      const expression = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
      return (await call<{ result: { value: number } }>('Runtime.evaluate', { expression })).result.value;
    },
    async held() {
      await collect();
      await call('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
      const prototype = await call<{ result: { objectId: string } }>('Runtime.evaluate', {
        expression: 'ArrayBuffer.prototype',
      });
      const all = await call<{ objects: { objectId: string } }>('Runtime.queryObjects', {
        prototypeObjectId: prototype.result.objectId,
      });
      const bytes = await call<{ result: { value: string } }>('Runtime.callFunctionOn', {
        objectId: all.objects.objectId,
        functionDeclaration: `function () {
          return Buffer.concat(this.filter((one) => !one.detached).map((one) => Buffer.from(one))).toString('base64');
        }`,
        returnByValue: true,
      });
      return { snapshot: Buffer.from(chunks.splice(0).join('')), buffers: Buffer.from(bytes.result.value, 'base64') };
    },
    close: () => socket.close(),
  };
}
