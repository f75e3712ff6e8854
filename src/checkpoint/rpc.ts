import { Root, type Type } from "protobufjs/light";
import { type CriuReq, type CriuResp, criuLayout } from "../generated/criu-rpc";

/** The messages of `criu swrk` as bytes: https://criu.org/RPC. Stands beside the driver (src/host/aside.ts). */
export interface CriuCodec {
  encode(request: CriuReq): Uint8Array;
  /** What the other side says and we do not know is left out. Throws what protobufjs throws. */
  decode(bytes: Uint8Array): CriuResp;
}

export function criuCodec(): CriuCodec {
  const root = Root.fromJSON(criuLayout);
  const request: Type = root.lookupType("criu_req");
  const response: Type = root.lookupType("criu_resp");
  return {
    encode: (message) => request.encode(request.fromObject(message)).finish(),
    decode: (bytes) => response.toObject(response.decode(bytes), { enums: String }) as CriuResp,
  };
}
