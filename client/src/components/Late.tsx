import { Component, type ReactNode, Suspense } from "react";
import { Notice } from "./Notice.tsx";

/** A part whose script is loaded when it is first shown, which a server that was updated meanwhile may no longer have. */
export class Late extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (this.state.failed) {
      return (
        <Notice icon="error" title="This part of the page could not be loaded">
          <button type="button" onClick={() => location.reload()}>
            Load the page anew
          </button>
        </Notice>
      );
    }
    return (
      <Suspense fallback={<div className="placeholder tall" aria-hidden="true" />}>
        {this.props.children}
      </Suspense>
    );
  }
}
