import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import type { Any } from "../generated/shim/any";

/** A kind of message, as src/generated/shim has them. */
export interface MessageType<Message> {
  /** The full name of the kind, such as `containerd.events.TaskExit`. */
  readonly $type: string;
  encode(message: Message): BinaryWriter;
  /** Throws an Error when the bytes are no such message. Fields that it does not know are skipped. */
  decode(bytes: Uint8Array): Message;
}

/** The message with the name of its kind. containerd names kinds without a host in front. */
export const pack = <Message>(type: MessageType<Message>, message: Message): Any => ({
  typeUrl: type.$type,
  value: type.encode(message).finish(),
});

/** The kind of message in there: what follows the last slash, as some put a host in front. */
export const kindOf = (any: Any) => any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);

/** What was packed. Throws an Error when it is another kind, or cannot be decoded. */
export function unpack<Message>(type: MessageType<Message>, any: Any): Message {
  const kind = kindOf(any);
  if (kind !== type.$type) throw new Error(`it is a "${kind}", and must be a "${type.$type}"`);
  return type.decode(any.value);
}
