import { QueryClientProvider } from "@tanstack/react-query";
import { useStore } from "zustand";
import { useAppearance } from "../features/appearance/Appearance.tsx";
import { Gate } from "../features/connection/Gate.tsx";
import { SignIn } from "../features/signin/SignIn.tsx";
import { serverStore } from "../store/connection.ts";
import { queryClient } from "./queries.ts";
import { reconnect, signIn } from "./runtime.ts";
import { Shell } from "./Shell.tsx";
import { View } from "./View.tsx";

/** The whole page: a door, and the dashboard behind it. */
export function App() {
  useAppearance();
  const connection = useStore(serverStore, (server) => server.connection);
  const known = useStore(serverStore, (server) => server.history !== null && server.viewer !== null);
  if (connection.phase === "signedOut") return <SignIn refused={connection.refused} onToken={signIn} />;
  if (!known || connection.phase === "tooOld") return <Gate onRetry={reconnect} />;
  return (
    <QueryClientProvider client={queryClient}>
      <Shell>
        <View />
      </Shell>
    </QueryClientProvider>
  );
}
