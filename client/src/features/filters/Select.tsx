import { useId } from "react";

interface SelectProps {
  label: string;
  /** What stands for no choice. */
  any: string;
  options: readonly (readonly [value: string, name: string])[];
  value: string | null;
  onChange(value: string | null): void;
}

/** One name of many, or any. */
export function Select({ label, any, options, value, onChange }: SelectProps) {
  const id = useId();
  const known = value === null || options.some(([option]) => option === value);
  return (
    <span className={value === null ? "select" : "select chosen"}>
      <label htmlFor={id} className="hidden">
        {label}
      </label>
      <select id={id} value={value ?? ""} onChange={({ target }) => onChange(target.value || null)}>
        <option value="">{any}</option>
        {!known && <option value={value}>{value}</option>}
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </span>
  );
}
