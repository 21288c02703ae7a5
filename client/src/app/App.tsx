/** The whole page. */
export function App() {
  return (
    <main>
      <h1>VibeTea</h1>
    </main>
  );
}
