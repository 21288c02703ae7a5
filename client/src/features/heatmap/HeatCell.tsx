interface HeatCellProps {
  id: string;
  label: string;
  step: number;
  /** Which half it is of an hour that comes twice. */
  part: number | null;
  chosen: boolean;
  "data-at": string;
  tabIndex: number;
  onFocus(): void;
  onShow(id: string): void;
  onChoose(id: string): void;
}

export function HeatCell({
  id,
  label,
  step,
  part,
  chosen,
  onFocus,
  onShow,
  onChoose,
  ...place
}: HeatCellProps) {
  return (
    <button
      type="button"
      className={`heat-cell h${step}${part === null ? "" : " half"}`}
      aria-label={label}
      aria-pressed={chosen}
      data-cell={id}
      {...place}
      onFocus={() => {
        onFocus();
        onShow(id);
      }}
      onMouseEnter={() => onShow(id)}
      onClick={() => onChoose(id)}
    />
  );
}
