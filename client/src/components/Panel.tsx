import { type ReactNode, useId } from "react";

interface PanelProps {
  title: string;
  /** Stands at the end of the title's line. */
  tools?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled part of a view. */
export function Panel({ title, tools, className = "", children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {tools}
      </header>
      {children}
    </section>
  );
}
