import { lazy } from "react";
import { useStore } from "zustand";
import { Copyable } from "../components/Copyable.tsx";
import { Late } from "../components/Late.tsx";
import { Notice } from "../components/Notice.tsx";
import { Panel } from "../components/Panel.tsx";
import { serverStore } from "../store/connection.ts";
import { goOnWith, signOut } from "./runtime.ts";

const AdminView = lazy(async () => ({
  default: (await import("../features/admin/AdminView.tsx")).AdminView,
}));

/** The administration, for those whose token opens it. */
export function Admin() {
  const admin = useStore(serverStore, ({ viewer }) => viewer?.admin === true);
  if (admin) {
    return (
      <Late>
        <AdminView onReplaced={goOnWith} onSignOut={() => signOut()} />
      </Late>
    );
  }
  return (
    <Panel title="Administration">
      <Notice icon="key" title="Your token does not open this page">
        <p>Sign in with an admin token. On the server, this makes one:</p>
        <Copyable text="vibetea-server tokens create --name me --admin" />
      </Notice>
    </Panel>
  );
}
