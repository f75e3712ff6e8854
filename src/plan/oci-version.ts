/** The specification that the states we print and hand to hooks follow: runtime.md#state. */
export const ociVersion = "1.3.0";
