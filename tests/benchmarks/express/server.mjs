// One ferritin rule on Express: `node server.mjs PORT`.
import express from "express";

const app = express();
app.use(express.json({ limit: "10mb" }));

const isFerritin = (resource) => resource.code.coding.some((coding) => coding.code === "2276-4");

app.post("/cds-services/:id", (request, response) => {
  const labs = request.body.prefetch.labs.entry.map((entry) => entry.resource);
  const ferritin = labs.filter(isFerritin);
  ferritin.sort((one, other) => other.effectiveDateTime.localeCompare(one.effectiveDateTime));
  const value = ferritin[0]?.valueQuantity;
  if (value === undefined || value.value > 75) {
    return response.json({ cards: [] });
  }
  return response.json({
    cards: [
      {
        summary: `Ferritin ${value.value} ${value.unit}: consider oral iron`,
        indicator: "warning",
        detail: "Ferritin at or below 75 ng/mL with restless legs syndrome.",
        source: { label: "One rule" },
      },
    ],
  });
});

app.listen(Number(process.argv[2]), "127.0.0.1");
