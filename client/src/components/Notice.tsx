import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon.tsx";

/** A calm word where there is nothing to show, or something went wrong. */
export function Notice({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <Icon name={icon} />
      <p className="notice-title">{title}</p>
      {children}
    </div>
  );
}
