// The editor itself comes from a route of the studio, which a browser keeps: this text travels with every message.
export default async function (component) {
  const { show } = await import(new URL(component.data.editor, document.baseURI).href)
  return show(component)
}
