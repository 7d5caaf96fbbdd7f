// Notifications about the results of actions.

import { notifications } from "@mantine/notifications";
import { errorText } from "./states.tsx";

interface UserError {
  code: string;
  message: string;
}

export function notifyDone(message: string) {
  notifications.show({ message, color: "teal", autoClose: 4_000 });
}

export function notifyRefused(title: string, message: string) {
  notifications.show({ title, message, color: "red", autoClose: 10_000 });
}

/** Whether a mutation succeeded; shows the error if not. `payload` is the only field of the mutation's result. */
export function accepted(
  title: string,
  error: Error | undefined,
  payload: { userErrors: readonly UserError[] } | null | undefined,
): boolean {
  if (error) {
    notifyRefused(title, errorText(error));
    return false;
  }
  const refusals = payload?.userErrors ?? [];
  if (refusals.length > 0) {
    notifyRefused(title, refusals.map((one) => one.message).join(" "));
    return false;
  }
  return true;
}
