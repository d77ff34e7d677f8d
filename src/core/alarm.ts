/** Tells an operator of trouble, with its cause or null; where `isOver` is true, that there is none any more. */
export type Alarm = (message: string, cause: unknown, isOver?: boolean) => void;
