/**
 * From version 1.30 on onnxruntime reports what it runs to its maker, keeps an identifier of the machine on disk and
 * writes to the temporary directory, unless this variable is set in the process before its first session
 * (microsoft/onnxruntime pull request 27379). The environment of a worker thread is a copy that native code does not
 * see: so this module is loaded in the main thread before any compute thread starts, and before the library itself.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';
// The name in other versions (pull request 29843).
process.env.ORT_TELEMETRY_DISABLED = '1';
