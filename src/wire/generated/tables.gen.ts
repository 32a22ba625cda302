// Generated from wire-spec/ by scripts/wire-gen.mjs. Do not edit: change the contract and run `npm run gen`.

/** The version of Wire that the contract describes. */
export const PROTOCOL_VERSION = "1.10" as const;

/** Every method of the wire. */
export const METHODS = {
  "initialize": {
    "direction": "client_to_kernel",
    "kind": "request",
    "since": "1.1"
  },
  "prompt": {
    "direction": "client_to_kernel",
    "kind": "request",
    "since": "1.0"
  },
  "steer": {
    "direction": "client_to_kernel",
    "kind": "request",
    "since": "1.4"
  },
  "set_plan_mode": {
    "direction": "client_to_kernel",
    "kind": "request",
    "since": "1.4"
  },
  "replay": {
    "direction": "client_to_kernel",
    "kind": "request",
    "since": "1.3"
  },
  "cancel": {
    "direction": "client_to_kernel",
    "kind": "request",
    "since": "1.0"
  },
  "event": {
    "direction": "kernel_to_client",
    "kind": "notification",
    "since": "1.0"
  },
  "request": {
    "direction": "kernel_to_client",
    "kind": "request",
    "since": "1.0"
  }
} as const;

/** Every error of the wire by its string code; `<name>` in a message is a place to fill in. */
export const ERRORS = {
  "parse_error": {
    "code": "parse_error",
    "number": -32700,
    "message": "Invalid JSON format",
    "retryable": false
  },
  "invalid_request": {
    "code": "invalid_request",
    "number": -32600,
    "message": "Invalid request",
    "retryable": false
  },
  "method_not_found": {
    "code": "method_not_found",
    "number": -32601,
    "message": "Unexpected method received: <method>",
    "retryable": false
  },
  "invalid_params": {
    "code": "invalid_params",
    "number": -32602,
    "message": "Invalid parameters for method `<method>`",
    "retryable": false
  },
  "internal_error": {
    "code": "internal_error",
    "number": -32603,
    "message": "<exception>: <text>",
    "retryable": false
  },
  "replay_failed": {
    "code": "replay_failed",
    "number": -32603,
    "message": "Replay failed",
    "retryable": false
  },
  "turn_in_progress": {
    "code": "turn_in_progress",
    "number": -32000,
    "message": "An agent turn is already in progress",
    "retryable": true
  },
  "no_turn": {
    "code": "no_turn",
    "number": -32000,
    "message": "No agent turn is in progress",
    "retryable": false
  },
  "plan_mode_not_supported": {
    "code": "plan_mode_not_supported",
    "number": -32000,
    "message": "Plan mode is not supported",
    "retryable": false
  },
  "llm_not_set": {
    "code": "llm_not_set",
    "number": -32001,
    "message": "LLM is not set",
    "retryable": false
  },
  "llm_not_supported": {
    "code": "llm_not_supported",
    "number": -32002,
    "message": "LLM model '<model>' does not support required <capabilities>.",
    "retryable": false
  },
  "provider_error": {
    "code": "provider_error",
    "number": -32003,
    "message": "<text>",
    "retryable": true
  },
  "auth_expired": {
    "code": "auth_expired",
    "number": -32004,
    "message": "Authentication failed. Your login session may have expired. Please run \"/login\" to sign in again.",
    "retryable": false
  }
} as const;

/** Types of the `event` notification. */
export const EVENT_TYPES = [
  "TurnBegin",
  "TurnEnd",
  "StepBegin",
  "StepInterrupted",
  "StepRetry",
  "SteerInput",
  "CompactionBegin",
  "CompactionEnd",
  "MCPLoadingBegin",
  "MCPLoadingEnd",
  "StatusUpdate",
  "Notification",
  "ContentPart",
  "ToolCall",
  "ToolCallPart",
  "ToolResult",
  "ApprovalResponse",
  "SubagentEvent",
  "PlanDisplay",
  "HookTriggered",
  "HookResolved",
  "BtwBegin",
  "BtwEnd"
] as const;

/** Types of the kernel's `request`. */
export const REQUEST_TYPES = [
  "ApprovalRequest",
  "ToolCallRequest",
  "QuestionRequest",
  "HookRequest"
] as const;

/** Hook events in the order of `supported_events`. */
export const HOOK_EVENTS = [
  "PreToolUse",
  "PostToolUse",
  "PostToolUseFailure",
  "UserPromptSubmit",
  "Stop",
  "StopFailure",
  "SessionStart",
  "SessionEnd",
  "SubagentStart",
  "SubagentStop",
  "PreCompact",
  "PostCompact",
  "Notification"
] as const;
