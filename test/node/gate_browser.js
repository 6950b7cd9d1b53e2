// node gate_browser.js URL PASSWORD [FOLDER]: walks the form before a tunnel in Chromium, and prints
// one JSON line for each step. With a folder it leaves pictures of the pages there.
'use strict';
const { chromium } = require('playwright-core');

const [url, password, folder] = process.argv.slice(2);
const say = (step, more) => console.log(JSON.stringify({ step, ...more }));

// Names below lt.test lead to the relay at the loopback address.
const options = {
	executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
		'--host-resolver-rules=MAP *.lt.test 127.0.0.1'],
};

async function picture(page, name) {
	if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

async function look(page) {
	return {
		title: await page.title(),
		problem: await page.evaluate(() => document.getElementById('problem')?.textContent),
		focused: await page.evaluate(() => document.activeElement && document.activeElement.id),
		path: new URL(page.url()).pathname + new URL(page.url()).search,
	};
}

async function enter(page, text) {
	await page.keyboard.type(text);
	await Promise.all([page.waitForLoadState('load'), page.waitForNavigation(), page.keyboard.press('Enter')]);
}

async function walk(browser) {
	const context = await browser.newContext({ javaScriptEnabled: true });
	const page = await context.newPage();
	const asked = [];
	page.on('request', (request) => asked.push(request.url()));
	const first = await page.goto(`${url}/inside?a=1`);
	say('form', { status: first.status(), ...await look(page) });
	await enter(page, 'not the one');
	say('wrong', await look(page));
	await picture(page, 'wrong');
	await enter(page, password);
	say('in', { body: await page.locator('body').textContent(), ...await look(page) });
	const again = await page.goto(`${url}/other`);
	say('session', { status: again.status(), script: await page.evaluate(() => document.cookie) });
	await page.goto(`${url}/_adit/gate/logout`);
	await picture(page, 'logout');
	await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Sign out' }).click()]);
	say('out', await look(page));
	say('after', { status: (await page.goto(`${url}/inside`)).status() });
	for (let i = 0; i < 6; i++) await enter(page, `guess ${i}`);
	say('locked', await look(page));
	await picture(page, 'locked');
	const host = new URL(url).host;
	say('hosts', { others: asked.filter((one) => new URL(one).host !== host) });
	await context.close();
}

async function pictures(browser) {
	const looks = { light: {}, dark: { colorScheme: 'dark' },
		phone: { viewport: { width: 360, height: 640 } } };
	for (const [name, look] of Object.entries(looks)) {
		const context = await browser.newContext({ javaScriptEnabled: false, ...look });
		const page = await context.newPage();
		await page.goto(url);
		const wide = await page.locator('main').boundingBox();
		say('look', { name, width: wide.width });
		await picture(page, name);
		await context.close();
	}
}

chromium.launch(options).then(async (browser) => {
	await pictures(browser);
	await walk(browser);
	await browser.close();
}).catch((error) => {
	say('failed', { error: String(error) });
	process.exit(1);
});
