import { Icon, type IconName } from "../../components/Icon.tsx";

/** A filter that no field shows, with the way to be rid of it. */
export function Chip({ name, icon, onRemove }: { name: string; icon: IconName; onRemove(): void }) {
  return (
    <span className="chip">
      <Icon name={icon} />
      <bdi>{name}</bdi>
      <button type="button" className="quiet" aria-label={`Remove the filter: ${name}`} onClick={onRemove}>
        <Icon name="close" />
      </button>
    </span>
  );
}
