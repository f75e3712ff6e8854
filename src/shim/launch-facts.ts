import type { LaunchFacts } from "../host/launch-facts";
import { libraryLaunchFacts } from "../library/launch-facts";

/** What a service manager told containerd is not for its shims: a container would answer in its place. */
export function withoutManager(facts: LaunchFacts): LaunchFacts {
  const { environment, nofileSoft, libraryDir, shimListener } = facts;
  return {
    ...libraryLaunchFacts(environment),
    ...(nofileSoft === undefined ? {} : { nofileSoft }),
    ...(libraryDir === undefined ? {} : { libraryDir }),
    ...(shimListener === undefined ? {} : { shimListener }),
  };
}
